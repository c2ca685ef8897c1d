"""The files of the Netflix Prize: a line "1:" for each movie, below it lines of user, rating and date."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from typing_extensions import override

from refeed.data.rating_columns import Meter, Origin
from refeed.errors import DataError
from refeed.readers.columns.choosing import ColumnChoice
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source, total_size
from refeed.readers.stream import RatingStream
from refeed.readers.text.delimited_text import DelimitedText, RaggedRow
from refeed.readers.text.dialect import Dialect
from refeed.readers.text.streams import chained

CHOICE = ColumnChoice(("user", "movie", "rating", "date"), (0, 1, 2, 3), has_times=True)
DIALECT = Dialect(",", ("user", "rating", "date"), quoting=False)


def netflix_files(folder: Path) -> list[Path]:
    """The rating files in a folder as it was published, or as it is offered in four combined files; empty if there are none."""
    patterns = ("training_set/mv_*.txt", "mv_*.txt", "combined_data_*.txt")
    return next((files for pattern in patterns if (files := sorted(folder.glob(pattern)))), [])


def read_netflix(source: Source, options: ReadOptions) -> RatingStream:
    """Read one file of the Netflix Prize, or a folder of them; times are 00:00 UTC of each date.

    Raises:
        DataError: there are no such files; also later, when a line is neither a movie nor a rating.
    """
    none = "there is no training_set/mv_*.txt, mv_*.txt or combined_data_*.txt in this folder"
    files = source.parts(netflix_files, none=none)
    text, meter = DelimitedText(chained(files), DIALECT, block_bytes=options.block_bytes), Meter(total_size(files))
    movies = _MovieLines()
    return RatingStream(
        batches=_batches(text, movies, meter),
        choice=CHOICE,
        options=options,
        notes=(f"layout: Netflix Prize, {len(files):,} file(s)",),
        origin=Origin(source.path, locate=lambda row: text.line_of_record(movies.record_of(row))),
        parse=True,
        meter=meter,
    )


class _MovieLines(RaggedRow):
    """The lines "1:", which the parser takes for rows with too few fields: which movie each row belongs to."""

    def __init__(self) -> None:
        self._starts: list[int] = []  # the first row (from 0, without movie lines) of each movie
        self._movies: list[int] = []

    @override
    def __call__(self, row: Any) -> Literal["skip", "error"]:
        movie, colon, rest = row.text.strip().partition(":")
        if not colon or rest or not movie.isdecimal():
            return super().__call__(row)
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


def _batches(text: DelimitedText, movies: _MovieLines, meter: Meter) -> Iterator[list[pa.Array]]:
    first_row = 0
    for user, rating, date in text.batches((0, 1, 2), meter, ragged=movies):
        movie = movies.of_rows(first_row, len(user))
        if movie is None:
            problem = "ratings come before the line of their movie"
            raise DataError(problem, path=text.source.paths[0], line=1, fix="Expected a line such as '1:'.")
        yield [user, pa.array(movie), rating, date]
        first_row += len(user)
