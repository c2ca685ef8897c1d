"""The first layer over sparse rows: a weighted sum of column vectors, forward and backward in O(entries)."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from refeed.models.common.sparse_rows import SparseRows


def sum_of_rows(index: Tensor, weight: Tensor, pointers: Tensor, factors: Tensor) -> Tensor:
    """For each bag, the sum of factors[j] * weight[index[j]] over its slice of j; `torch.nn.functional.embedding_bag`.

    Args:
        index: integers (nnz,), rows of `weight`.
        weight: (rows, width).
        pointers: (bags + 1,), the slices of `index`, of its type.
        factors: (nnz,).

    Returns:
        (bags, width); empty bags are 0.
    """
    if weight.shape[1] == 0:
        return weight.new_zeros(len(pointers) - 1, 0)  # which PyTorch's kernel takes for an index out of range
    return F.embedding_bag(index, weight, pointers, mode="sum", per_sample_weights=factors, include_last_offset=True)


def sparse_linear(rows: SparseRows, weight: Tensor, bias: Tensor) -> Tensor:
    """X V + b for the sparse rows X (B x n).

    Args:
        rows: X.
        weight: V, (n, m): one vector for each column of X.
        bias: b, (m,).

    Returns:
        (B, m). The gradient of V is X^T dA, summed over the entries only.
    """
    product: Tensor = _SparseMatmul.apply(weight, rows)  # type: ignore[no-untyped-call]
    return product.add_(bias)


class _SparseMatmul(Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: SparseRows) -> Tensor:
        ctx.rows = rows
        return sum_of_rows(rows.columns, weight, rows.indptr, rows.values)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        rows: SparseRows = ctx.rows  # type: ignore[attr-defined]
        order, row_of_entry, pointers = rows.by_column
        values = rows.values.index_select(0, order)
        return sum_of_rows(row_of_entry, gradients[0].contiguous(), pointers, values), None
