"""What a model may see of some users: their ratings as sparse rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.row_blocks import pointers
from refeed.errors import DataError


@dataclass(frozen=True, eq=False)
class History:
    """The ratings of B users over n items, as compressed sparse rows; missing is structural, 0 is a rating.

    Attributes:
        indptr: int64 (B + 1,), row b is the slice indptr[b]:indptr[b + 1] of the other arrays.
        indices: int64 (nnz,), item indices.
        values: float32 (nnz,), ratings.
        num_items: n.
        users: int64 (B,), the index of each user in training, -1 for a user who was not in it.
        timestamps: int64 (nnz,), seconds since 1970 UTC, or None.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    num_items: int
    users: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def num_ratings(self) -> int:
        """Number of ratings in all rows."""
        return len(self.indices)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of ratings of each row, int64 (B,)."""
        return np.diff(self.indptr)

    @property
    def row_of_rating(self) -> npt.NDArray[np.int64]:
        """Row of each rating, int64 (nnz,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts)

    def in_units_of(self, unit: float) -> History:
        """The same ratings divided by a unit above 0, equal to those of `Ratings.in_units_of` to the last digit."""
        return replace(self, values=divided(self.values, unit))

    def rows(self, indices: npt.ArrayLike) -> History:
        """The rows at `indices`, in that order (a row may occur more than once)."""
        chosen = np.asarray(indices, np.int64)
        entries, indptr = row_entries(self.indptr, chosen)
        return History(
            indptr=indptr,
            indices=self.indices[entries],
            values=self.values[entries],
            num_items=self.num_items,
            users=self.users[chosen],
            timestamps=None if self.timestamps is None else self.timestamps[entries],
        )

    @classmethod
    def of_one(cls, items: npt.ArrayLike, values: npt.ArrayLike, *, num_items: int) -> History:
        """The history of a single user who was not in training.

        Raises:
            DataError: an item occurs twice, or a value is not finite.
        """
        indices, ratings = np.asarray(items, np.int64), np.asarray(values, np.float32)
        if len(np.unique(indices)) != len(indices):
            raise DataError("an item occurs twice in one history; give one rating for each item")
        if not np.isfinite(ratings).all():
            raise DataError("a rating in the history is not a finite number")
        order = np.argsort(indices)
        indptr = np.array([0, len(indices)], np.int64)
        return cls(indptr, indices[order], ratings[order], num_items, np.array([-1], np.int64))


def divided(values: npt.NDArray[Any], unit: float) -> npt.NDArray[np.float32]:
    """Ratings in units of `unit`, float32."""
    return np.asarray(values.astype(np.float32, copy=False) / np.float32(unit))


def row_entries(
    indptr: npt.NDArray[np.integer], rows: npt.NDArray[np.int64]
) -> tuple[slice | npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """As `entry_indices`, but a slice where the rows follow one another, so that no list is made."""
    if len(rows) and bool((np.diff(rows) == 1).all()):
        pointers = np.asarray(indptr[rows[0] : rows[-1] + 2]).astype(np.int64)
        return slice(int(pointers[0]), int(pointers[-1])), pointers - pointers[0]
    return entry_indices(indptr, rows)


def entry_indices(
    indptr: npt.NDArray[np.integer], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices of the entries of `rows` in a CSR's arrays, int64 (nnz of rows,), and the row pointers of the result."""
    starts = np.asarray(indptr)[rows].astype(np.int64)
    counts = np.asarray(indptr)[rows + 1].astype(np.int64) - starts
    result = pointers(counts)
    entries = np.arange(result[-1], dtype=np.int64) + np.repeat(starts - result[:-1], counts)
    return entries, result
