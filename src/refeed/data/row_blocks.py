"""Sparse rows a block at a time, so that what is computed on the way stays small however many ratings there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 1 << 22  # ratings


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of a CSR matrix and their entries.

    Attributes:
        rows: the rows.
        entries: their entries in the arrays of all ratings.
        counts: ratings of each of the rows, int64 (rows,).
    """

    rows: slice
    entries: slice
    counts: npt.NDArray[np.int64]

    @property
    def row_of_rating(self) -> npt.NDArray[np.int32]:
        """The row of each rating, counted from the block's first, int32 (entries,)."""
        return np.repeat(np.arange(len(self.counts), dtype=np.int32), self.counts)


def row_blocks(indptr: npt.NDArray[np.int64], *, size: int | None = None) -> Iterator[RowBlock]:
    """All rows in blocks of at most `size` ratings, or of one row where that has more.

    Args:
        indptr: row pointers, int64 (rows + 1,).
        size: of a block, at least 1; None takes BLOCK.
    """
    size = size or BLOCK
    start, end = 0, len(indptr) - 1
    while start < end:
        stop = int(np.searchsorted(indptr, indptr[start] + size, side="right")) - 1
        stop = min(max(stop, start + 1), end)
        counts = np.diff(indptr[start : stop + 1])
        yield RowBlock(slice(start, stop), slice(int(indptr[start]), int(indptr[stop])), counts)
        start = stop


def chosen_counts(indptr: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Number of entries of each row where `chosen`, bool (nnz,), is true, int64 (rows,)."""
    counts = np.empty(len(indptr) - 1, np.int64)
    for block in row_blocks(indptr):
        rows = block.row_of_rating[chosen[block.entries]]
        counts[block.rows] = np.bincount(rows, minlength=len(block.counts))
    return counts


def index_counts(indices: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """How often each index from 0 to `size` - 1 occurs, int64 (size,)."""
    counts = np.zeros(size, np.int64)
    for start in range(0, len(indices), BLOCK):
        counts += np.bincount(indices[start : start + BLOCK], minlength=size)
    return counts


def looked_up(table: npt.NDArray[Any], indices: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`table[indices]`, both of one dimension, without a wide copy of all indices."""
    found = np.empty(len(indices), table.dtype)
    for start in range(0, len(indices), BLOCK):
        found[start : start + BLOCK] = table[indices[start : start + BLOCK]]
    return found


def pointers(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Row pointers of rows with these numbers of ratings, int64 (rows + 1,)."""
    indptr = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=indptr[1:])
    return indptr
