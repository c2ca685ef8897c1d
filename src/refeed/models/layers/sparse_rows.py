"""A batch of sparse rows on the device: what the first layer reads and where the last layer is asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from refeed.data.history import History


@dataclass(frozen=True, eq=False)
class SparseRows:
    """B rows over n columns with nnz entries, compressed by row; both orders of the entries are at hand.

    Attributes:
        indptr: int64 (B + 1,).
        columns: int64 (nnz,).
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
        return cls(
            indptr=torch.from_numpy(np.ascontiguousarray(history.indptr)).to(device),
            columns=torch.from_numpy(np.ascontiguousarray(history.indices)).to(device),
            values=torch.from_numpy(np.ascontiguousarray(history.values)).to(device),
            num_columns=history.num_items,
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def with_values(self, values: Tensor) -> SparseRows:
        """The same places with other values, (nnz,)."""
        result = SparseRows(self.indptr, self.columns, values, self.num_columns)
        for name in ("row_of_entry", "by_column"):  # what was worked out for the places still holds
            if name in self.__dict__:
                result.__dict__[name] = self.__dict__[name]
        return result

    @cached_property
    def row_of_entry(self) -> Tensor:
        """Row of each entry, int64 (nnz,)."""
        rows = torch.arange(len(self), device=self.indptr.device)
        return torch.repeat_interleave(rows, self.indptr.diff(), output_size=len(self.columns))

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        """The entries in column order: their places (nnz,), their rows (nnz,), and the column pointers (n + 1,)."""
        order = torch.argsort(self.columns, stable=True)
        pointers = torch.zeros(self.num_columns + 1, dtype=torch.int64, device=self.columns.device)
        torch.cumsum(torch.bincount(self.columns, minlength=self.num_columns), 0, out=pointers[1:])
        return order, self.row_of_entry[order], pointers

    def compact(self) -> tuple[Tensor, SparseRows]:
        """The distinct columns that occur, int64 (u,), rising, and the same rows over these u columns only."""
        _, _, pointers = self.by_column
        columns = (pointers[1:] > pointers[:-1]).nonzero().squeeze(1)
        number = torch.zeros(self.num_columns, dtype=torch.int64, device=self.columns.device)
        number[columns] = torch.arange(len(columns), device=self.columns.device)
        result = SparseRows(self.indptr, number[self.columns], self.values, len(columns))
        order, row_of_entry, _ = self.by_column
        result.__dict__["row_of_entry"] = self.row_of_entry
        result.__dict__["by_column"] = (order, row_of_entry, torch.cat([pointers[:1], pointers[1:][columns]]))
        return columns, result

    def to_dense(self) -> Tensor:
        """The rows as a dense (B, n) matrix, 0 where there is no entry."""
        dense = torch.zeros(len(self), self.num_columns, dtype=self.values.dtype, device=self.values.device)
        dense[self.row_of_entry, self.columns] = self.values
        return dense
