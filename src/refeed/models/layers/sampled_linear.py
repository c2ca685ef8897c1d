"""The last layer at the asked places only: forward and backward in O(places)."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from refeed.models.layers.sparse_linear import sum_of_rows
from refeed.models.layers.sparse_rows import SparseRows


def sampled_linear(hidden: Tensor, weight: Tensor, places: SparseRows) -> Tensor:
    """H W^T at the places (row, column) of `places` only.

    Args:
        hidden: H, (B, k).
        weight: W, (n, k): one vector for each column.
        places: where to evaluate; its values play no part.

    Returns:
        (nnz,), in the order of the places.
    """
    product: Tensor = _SampledMatmul.apply(hidden, weight, places)  # type: ignore[no-untyped-call]
    return product


class _SampledMatmul(Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, places: SparseRows) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        ctx.places = places
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            mask = torch.sparse_csr_tensor(
                places.indptr,
                places.columns,
                torch.zeros(len(places.columns), dtype=hidden.dtype, device=hidden.device),
                size=(len(places), places.num_columns),
                check_invariants=False,
            )
            sampled: Tensor = torch.sparse.sampled_addmm(mask, hidden, weight.t(), beta=0.0)
            return sampled.values()

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        hidden, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        places: SparseRows = ctx.places  # type: ignore[attr-defined]
        gradient = gradients[0].contiguous()
        order, row_of_entry, pointers = places.by_column
        for_hidden = sum_of_rows(places.columns, weight, places.indptr, gradient)
        for_weight = sum_of_rows(row_of_entry, hidden, pointers, gradient[order])
        return for_hidden, for_weight, None
