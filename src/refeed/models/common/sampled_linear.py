"""The last layer at given entries only: forward and backward in O(entries)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from refeed.models.common.sparse_linear import sum_of_rows
from refeed.models.common.sparse_rows import SparseRows


def sampled_linear(hidden: Tensor, weight: Tensor, entries: SparseRows, bias: Tensor | None = None) -> Tensor:
    """H W^T + b at the entries (row, column) of sparse rows only.

    Args:
        hidden: H, (B, k).
        weight: W, (n, k): one vector for each column.
        entries: where to evaluate; their values are not used.
        bias: b, (n,); 0 for None.

    Returns:
        (nnz,), in the order of the entries.
    """
    product: Tensor = _SampledMatmul.apply(hidden, weight, entries, bias)  # type: ignore[no-untyped-call]
    return product


class _SampledMatmul(Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, entries: SparseRows, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        ctx.entries = entries
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            mask = torch.sparse_csr_tensor(
                entries.indptr,
                entries.columns,
                hidden.new_zeros(len(entries.columns)) if bias is None else bias.index_select(0, entries.columns),
                size=(len(entries), entries.num_columns),
                check_invariants=False,
            )
            sampled: Tensor = torch.sparse.sampled_addmm(mask, hidden, weight.t())
            return sampled.values()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, Tensor | None]:
        hidden, weight = ctx.saved_tensors
        entries: SparseRows = ctx.entries
        gradient = gradients[0].contiguous()
        order, row_of_entry, pointers = entries.by_column
        for_hidden = sum_of_rows(entries.columns, weight, entries.indptr, gradient)
        by_column = gradient.index_select(0, order)
        for_weight = sum_of_rows(row_of_entry, hidden, pointers, by_column)
        for_bias = torch.segment_reduce(by_column, "sum", offsets=pointers) if ctx.needs_input_grad[3] else None
        return for_hidden, for_weight, None, for_bias
