"""The last layer at the asked places only: forward and backward in O(places)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from refeed.models.common.sparse_linear import sum_of_rows
from refeed.models.common.sparse_rows import SparseRows


def sampled_linear(hidden: Tensor, weight: Tensor, places: SparseRows, bias: Tensor | None = None) -> Tensor:
    """H W^T + b at the places (row, column) of `places` only.

    Args:
        hidden: H, (B, k).
        weight: W, (n, k): one vector for each column.
        places: where to evaluate; its values play no part.
        bias: b, (n,); 0 for None.

    Returns:
        (nnz,), in the order of the places.
    """
    product: Tensor = _SampledMatmul.apply(hidden, weight, places, bias)  # type: ignore[no-untyped-call]
    return product


class _SampledMatmul(Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, places: SparseRows, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        ctx.places = places
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            mask = torch.sparse_csr_tensor(
                places.indptr,
                places.columns,
                hidden.new_zeros(len(places.columns)) if bias is None else bias.index_select(0, places.columns),
                size=(len(places), places.num_columns),
                check_invariants=False,
            )
            sampled: Tensor = torch.sparse.sampled_addmm(mask, hidden, weight.t())
            return sampled.values()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, Tensor | None]:
        hidden, weight = ctx.saved_tensors
        places: SparseRows = ctx.places
        gradient = gradients[0].contiguous()
        order, row_of_entry, pointers = places.by_column
        for_hidden = sum_of_rows(places.columns, weight, places.indptr, gradient)
        by_column = gradient.index_select(0, order)
        for_weight = sum_of_rows(row_of_entry, hidden, pointers, by_column)
        for_bias = torch.segment_reduce(by_column, "sum", offsets=pointers) if ctx.needs_input_grad[3] else None
        return for_hidden, for_weight, None, for_bias
