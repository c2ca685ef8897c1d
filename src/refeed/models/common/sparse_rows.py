"""A batch of sparse rows on the device: the input of the first layer and the entries at which the last one is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History


@dataclass(frozen=True, eq=False)
class SparseRows:
    """B rows over n columns with nnz entries, in CSR form; the order by column is computed once, when needed.

    Attributes:
        indptr: int32 (B + 1,), or int64 where n or nnz needs it.
        columns: (nnz,), of the same type.
        values: float32 (nnz,).
        num_columns: n.
    """

    indptr: Tensor
    columns: Tensor
    values: Tensor
    num_columns: int

    @classmethod
    def from_history(cls, history: History, device: torch.device) -> SparseRows:
        """The ratings of a history on a device."""
        narrow = np.int32 if max(history.num_items, history.num_ratings) <= np.iinfo(np.int32).max else np.int64
        return cls(
            indptr=torch.from_numpy(np.ascontiguousarray(history.indptr, narrow)).to(device),
            columns=torch.from_numpy(np.ascontiguousarray(history.indices, narrow)).to(device),
            values=torch.from_numpy(np.ascontiguousarray(history.values)).to(device),
            num_columns=history.num_items,
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def with_values(self, values: Tensor) -> SparseRows:
        """The same entries with other values, (nnz,)."""
        result = SparseRows(self.indptr, self.columns, values, self.num_columns)
        for name in ("row_of_entry", "by_column"):  # neither depends on the values
            if name in self.__dict__:
                result.__dict__[name] = self.__dict__[name]
        return result

    @cached_property
    def row_of_entry(self) -> Tensor:
        """Row of each entry, (nnz,)."""
        rows = np.arange(len(self), dtype=self._index_type)
        return self._on_device(np.repeat(rows, np.diff(self.indptr.numpy(force=True))))

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        """The entries by column: their indices in row order, (nnz,), their rows, (nnz,), and the column pointers, (n + 1,)."""
        columns = self.columns.numpy(force=True)
        # NumPy sorts 16 bits by radix, several times faster than wider types
        order = np.argsort(columns.astype(np.uint16) if self.num_columns <= 1 << 16 else columns, kind="stable")
        pointers = np.zeros(self.num_columns + 1, self._index_type)
        np.cumsum(np.bincount(columns, minlength=self.num_columns), out=pointers[1:])
        rows = self.row_of_entry.numpy(force=True)[order]
        return self._on_device(order), self._on_device(rows), self._on_device(pointers)

    @cached_property
    def compact(self) -> tuple[Tensor, SparseRows]:
        """The distinct columns that occur, int64 (u,), sorted, and the same rows over these u columns only."""
        order, row_of_entry, pointers = self.by_column
        starts = pointers.numpy(force=True)
        occurring = np.flatnonzero(starts[1:] > starts[:-1])
        number = np.zeros(self.num_columns, self._index_type)
        number[occurring] = np.arange(len(occurring), dtype=self._index_type)
        columns = self._on_device(number[self.columns.numpy(force=True)])
        result = SparseRows(self.indptr, columns, self.values, len(occurring))
        result.__dict__["row_of_entry"] = self.row_of_entry
        compact_starts = np.append(starts[:1], starts[1:][occurring])
        result.__dict__["by_column"] = (order, row_of_entry, self._on_device(compact_starts))
        return self._on_device(occurring), result

    @property
    def _index_type(self) -> type[np.signedinteger]:
        return np.int32 if self.indptr.dtype == torch.int32 else np.int64

    def _on_device(self, array: npt.NDArray[np.integer]) -> Tensor:
        return torch.from_numpy(array).to(self.indptr.device)

    def to_dense(self) -> Tensor:
        """The rows as a dense (B, n) matrix, 0 where there is no entry."""
        dense = torch.zeros(len(self), self.num_columns, dtype=self.values.dtype, device=self.values.device)
        dense[self.row_of_entry, self.columns] = self.values
        return dense
