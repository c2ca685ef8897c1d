"""The files of the Netflix Prize: a line "1:" for each movie, below it lines of user, rating and date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.readers.builder import ColumnsBuilder
from refeed.data.readers.choosing import Choice
from refeed.data.readers.columns import RatingColumns
from refeed.data.readers.csv_stream import parse, ragged_error
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.records import find_record
from refeed.data.readers.sources import TextSource
from refeed.data.readers.streams import open_in_sequence
from refeed.errors import DataError

CHOICE = Choice(0, 1, 2, 3, {}, ("user", "movie", "rating", "date"))


def netflix_files(folder: Path) -> list[Path]:
    """The rating files in a folder as it was published, or as it is offered in four combined files; empty if there are none."""
    patterns = ("training_set/mv_*.txt", "mv_*.txt", "combined_data_*.txt")
    return next((files for pattern in patterns if (files := sorted(folder.glob(pattern)))), [])


def read_netflix(path: Path, options: ReadOptions) -> RatingColumns:
    """Read one file of the Netflix Prize, or a folder of them; times are 00:00 UTC of each date.

    Raises:
        DataError: there are no such files, or a line is neither a movie nor a rating.
    """
    files = netflix_files(path) if path.is_dir() else [path]
    if not files:
        raise DataError(
            "there is no training_set/mv_*.txt, mv_*.txt or combined_data_*.txt in this folder",
            path=path,
            fix="Give the file or folder with the ratings.",
        )
    sources = [TextSource(file) for file in files]
    movies = _MovieLines()

    def locate(row: int) -> tuple[Path, int]:
        return find_record(sources, movies.record_of(row))

    builder = ColumnsBuilder(CHOICE, options, parse=True, path=path, locate=locate)
    for columns in _batches(sources, movies, path):
        builder.add(columns)
    return builder.finish(notes=(f"layout: Netflix Prize, {len(files):,} file(s)",))


class _MovieLines:
    """The lines "1:", met by the parser as rows with too few fields: which movie each row belongs to."""

    def __init__(self) -> None:
        self.bad: Any = None
        self._starts: list[int] = []  # the first row (from 0, without movie lines) of each movie
        self._movies: list[int] = []

    def __call__(self, row: Any) -> Literal["skip", "error"]:
        """Note a movie, or stop the parser at a line that is none."""
        movie, colon, rest = row.text.strip().partition(":")
        if not colon or rest or not movie.isdecimal():
            self.bad = row
            return "error"
        self._starts.append(row.number - 1 - len(self._starts))
        self._movies.append(int(movie))
        return "skip"

    def of_rows(self, first_row: int, count: int) -> npt.NDArray[np.int64] | None:
        """The movies of `count` rows from `first_row` on, int64 (count,); None where rows come before any movie."""
        position = np.searchsorted(self._starts, np.arange(first_row, first_row + count), side="right") - 1
        return None if position[0] < 0 else np.array(self._movies, np.int64)[position]

    def record_of(self, row: int) -> int:
        """The number (from 1) of a row's line, with the movie lines counted."""
        return row + 1 + int(np.searchsorted(self._starts, row, side="right"))


def _batches(sources: Sequence[TextSource], movies: _MovieLines, path: Path) -> Iterator[list[pa.Array]]:
    first_row = 0
    with open_in_sequence(sources) as stream:
        try:
            for user, rating, date in parse(
                stream, width=3, columns=range(3), delimiter=",", quoting=False, skip=0, encoding="utf-8", on_ragged=movies
            ):
                movie = movies.of_rows(first_row, len(user))
                if movie is None:
                    raise DataError(
                        "ratings come before the line of their movie", path=path, line=1, fix="Expected a line such as '1:'."
                    )
                yield [user, pa.array(movie), rating, date]
                first_row += len(user)
        except pa.ArrowInvalid:
            if movies.bad is None:
                raise
            file, line = find_record(sources, movies.bad.number)
            raise ragged_error(movies.bad, expected=3, found=movies.bad.actual_columns, path=file, line=line) from None
