"""`RatingColumns`: ratings as they were read, one row each, before anything was judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.ratings import LabelColumn, RatingScale
from refeed.errors import DataError

Locate = Callable[[int], tuple[Path, int]]  # from a row (from 0) to its file and 1-based line


@dataclass(frozen=True, eq=False)
class RatingColumns:
    """The columns of a source of ratings, in its own order; nothing was dropped, merged or clipped.

    Attributes:
        users: Arrow array (nnz,) of int64 or large_string.
        items: Arrow array (nnz,) of int64 or large_string.
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

    def line_of(self, row: int) -> int | None:
        """The 1-based line of the file that holds row `row` (from 0); None where the source has no lines."""
        return None if self.locate is None else self.locate(row)[1]

    def describe_row(self, row: int) -> str:
        """Row `row` (from 0) in words: "line 3" where lines are known, else "row 2"."""
        line = self.line_of(row)
        return f"row {row + 1:,}" if line is None else f"line {line:,}"

    def error(self, row: int, problem: str, *, fix: str) -> DataError:
        """The error for row `row` (from 0), naming its file and line where they are known."""
        if self.locate is None:
            return DataError(f"{problem}, in row {row + 1:,}", path=self.path, fix=fix)
        path, line = self.locate(row)
        return DataError(problem, path=path, line=line, fix=fix)
