"""`RatingColumns`: ratings as they were read, one row each, before anything was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.ratings import LabelColumn, RatingScale
from refeed.errors import DataError
from refeed.readers.columns.places import Locate, Place


@dataclass(frozen=True, eq=False)
class RatingColumns:
    """The columns of a source of ratings, in its own order; nothing was dropped, merged or clipped.

    Attributes:
        users: ids, Arrow dictionary array (nnz,) of int64 or large_string, its dictionary in the order of appearance.
        items: ids, likewise.
        values: float64 (nnz,), ratings; an absent rating is NaN, and NaN and infinities may occur.
        timestamps: int64 (nnz,), whole seconds since 1970 UTC, or None.
        labels: further columns by name.
        scale: the declared scale, not yet checked, or None.
        notes: what the reader decided (layout, delimiter, header, columns, unit of the times), for people.
        path: the file or folder, or None for a table in memory.
        locate: gives the file and 1-based line of a row (from 0), or None where there are no lines.
    """

    users: pa.Array
    items: pa.Array
    values: npt.NDArray[np.float64]
    timestamps: npt.NDArray[np.int64] | None = None
    labels: Mapping[str, LabelColumn] = field(default_factory=dict)
    scale: RatingScale | None = None
    notes: tuple[str, ...] = ()
    path: Path | None = None
    locate: Locate | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def place(self) -> Place:
        """Where the rows stand, for messages."""
        return Place(self.path, None, self.locate)

    def describe_row(self, row: int) -> str:
        """Row `row` (from 0) in words: "line 3" where lines are known, else "row 2"."""
        return self.place.describe_row(row)

    def error(self, row: int, problem: str, *, fix: str) -> DataError:
        """The error for row `row` (from 0), naming its file and line where they are known."""
        return self.place.error(row, problem, fix=fix)
