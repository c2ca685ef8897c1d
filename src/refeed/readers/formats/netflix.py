"""The files of the Netflix Prize: a line "1:" for each movie, below it lines of user, rating and date."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.errors import DataError
from refeed.readers.columns.choosing import Choice
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter, RatingStream
from refeed.readers.text.csv_stream import parse, ragged_error
from refeed.readers.text.records import find_record
from refeed.readers.text.sources import TextSource, required_files
from refeed.readers.text.streams import open_in_sequence, size_of

CHOICE = Choice(0, 1, 2, 3, {}, ("user", "movie", "rating", "date"))


def netflix_files(folder: Path) -> list[Path]:
    """The rating files in a folder as it was published, or as it is offered in four combined files; empty if there are none."""
    patterns = ("training_set/mv_*.txt", "mv_*.txt", "combined_data_*.txt")
    return next((files for pattern in patterns if (files := sorted(folder.glob(pattern)))), [])


def read_netflix(path: Path, options: ReadOptions) -> RatingStream:
    """Read one file of the Netflix Prize, or a folder of them; times are 00:00 UTC of each date.

    Raises:
        DataError: there are no such files; also later, when a line is neither a movie nor a rating.
    """
    none = "there is no training_set/mv_*.txt, mv_*.txt or combined_data_*.txt in this folder"
    files = required_files(path, netflix_files, none=none)
    sources = [TextSource(file) for file in files]
    movies, meter = _MovieLines(), Meter(size_of(sources))
    return RatingStream(
        batches=_batches(sources, movies, path, meter),
        choice=CHOICE,
        parse=True,
        notes=(f"layout: Netflix Prize, {len(files):,} file(s)",),
        path=path,
        locate=lambda row: find_record(sources, movies.record_of(row)),
        meter=meter,
    )


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
        first = bisect.bisect_right(self._starts, first_row) - 1
        if first < 0:
            return None
        end = bisect.bisect_left(self._starts, first_row + count)
        borders = [first_row, *self._starts[first + 1 : end], first_row + count]
        return np.repeat(np.array(self._movies[first:end], np.int64), np.diff(borders))

    def record_of(self, row: int) -> int:
        """The number (from 1) of a row's line, with the movie lines counted."""
        return row + 1 + bisect.bisect_right(self._starts, row)


def _batches(sources: Sequence[TextSource], movies: _MovieLines, path: Path, meter: Meter) -> Iterator[list[pa.Array]]:
    first_row = 0
    with open_in_sequence(sources, meter) as stream:
        try:
            for user, rating, date in parse(
                stream, width=3, columns=range(3), delimiter=",", quoting=False, skip=0, on_ragged=movies
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
            raise ragged_error(movies.bad, expected=3, path=file, line=line) from None
