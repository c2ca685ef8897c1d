"""Dense re-feeding for a linear last layer without anything of size B x n: exact, by Gram matrices.

The fed output y1 = h1 P^T + p is an affine image of the hidden layer h1 (B x k), where P (n x k) and p (n) are the last
layer's weights before the update, and W, b the ones after it. With V (n x m), c the first layer's:

- the first layer of the second pass is y1 V + c = h1 (P^T V) + p^T V + c;
- with D = h2 - h1, E = W - P, e = b - p the gap is R = y2 - y1 = D W^T + h1 E^T + 1 e^T, so its squared norm needs only the
  k x k matrices W^T W, E^T W, E^T E, D^T D, D^T h1, h1^T h1 and the sums e^T W, e^T E, 1^T D, 1^T h1. Each term is of the size
  of the gap itself, so that nothing cancels;
- the gradients of the squared norm are 2 R W for h2, 2 R^T h2 for W and 2 R^T 1 for b, again through these.

Cost: seven products n x k x k whatever B is (four when the weights have not moved), against six of B x n x k in the dense form.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from typing_extensions import override

from refeed.models.autoencoder.layers.precision import lowered
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding.feed import Feed


class GramFeed(Feed):
    """The output for a hidden layer under the current weights, where the last layer is linear.

    Unlike the dense form it counts entries where the fed output is exactly 0, so it is not for rows whose hidden layer is 0.

    Args:
        network: in training.
        hidden: h1, (B, k), detached.
        weights_move: whether the weights are updated before the output is fed; then the current ones are copied.
        precision: of the products with n x k matrices.
    """

    def __init__(self, network: Network, hidden: Tensor, *, weights_move: bool, precision: torch.dtype = torch.float32) -> None:
        self._network, self._hidden, self._moves, self._precision = network, hidden, weights_move, precision
        weight, bias = network.last_weight.detach(), network.output_bias.detach()
        self._weight, self._bias = (weight.clone(), bias.clone()) if weights_move else (weight, bias)

    @override
    def first_layer(self) -> Tensor:
        weight = self._network.input_weight
        product = matmul(self._weight.t(), weight, self._precision)
        return torch.addmm(self._bias @ weight + self._network.input_bias, self._hidden, product)

    @override
    def loss(self, hidden: Tensor) -> Tensor:
        before = (self._weight, self._bias) if self._moves else (None, None)
        present = self._network.last_weight, self._network.output_bias
        return fixed_point_loss(hidden, *present, self._hidden, *before, precision=self._precision)


def matmul(left: Tensor, right: Tensor, precision: torch.dtype) -> Tensor:
    """left right in a precision, as the type of `left`."""
    return (lowered(left, precision) @ lowered(right, precision)).to(left.dtype)


def fixed_point_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    fed_hidden: Tensor,
    fed_weight: Tensor | None,
    fed_bias: Tensor | None,
    *,
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """Mean of ((h2 W^T + b) - (h1 P^T + p))^2 over all B x n entries; gradients flow to h2, W and b.

    Args:
        hidden: h2, (B, k).
        weight: W, (n, k).
        bias: b, (n,).
        fed_hidden: h1, (B, k), detached.
        fed_weight: P, (n, k), detached; None when W has not moved since.
        fed_bias: p, (n,), detached; None when b has not moved since.
        precision: of the products with n x k matrices.
    """
    before = (fed_weight, fed_bias)
    loss: Tensor = _FixedPointLoss.apply(hidden, weight, bias, fed_hidden, *before, precision)  # type: ignore[no-untyped-call]
    return loss


class _FixedPointLoss(Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        hidden, weight, bias, fed_hidden, fed_weight, fed_bias, precision = arguments
        rows, change = len(hidden), hidden - fed_hidden  # D: B x k
        weights = lowered(weight, precision)
        squares = (weights.t() @ weights).to(change.dtype)  # W^T W
        changes, crossed = change.t() @ change, change.t() @ fed_hidden  # D^T D, D^T h1
        total, for_hidden = _inner(squares, changes), change @ squares  # R W, term by term
        moved = bias_moved = for_moved = None
        sums = change.sum(0), fed_hidden.sum(0)  # 1^T D, 1^T h1
        if fed_weight is not None:
            moved, bias_moved = weight - fed_weight, bias - fed_bias  # E: n x k, e: n
            moves = lowered(moved, precision)
            products, shift = (moves.t() @ weights).to(change.dtype), bias_moved @ weight  # E^T W, e^T W
            for_hidden.addmm_(fed_hidden, products).add_(shift)
            total = total + 2 * (_inner(products, crossed.t()) + shift @ sums[0])
            moves_squared, fed_squared = (moves.t() @ moves).to(change.dtype), fed_hidden.t() @ fed_hidden
            total = total + _inner(moves_squared, fed_squared) + 2 * (bias_moved @ moved) @ sums[1]
            total = total + rows * bias_moved.square().sum()
            for_moved = fed_squared + crossed.t()  # h1^T h2
        ctx.save_for_backward(weight, for_hidden, changes + crossed, moved, for_moved, bias_moved, *sums)
        ctx.rows, ctx.precision = rows, precision
        mean: Tensor = total / (rows * len(weight))
        return mean

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight, for_hidden, for_weights, moved, for_moved, bias_moved, change_sum, fed_sum = ctx.saved_tensors
        scale = 2 * gradients[0] / (ctx.rows * len(weight))
        for_weight = matmul(weight, scale * for_weights, ctx.precision)
        for_bias = weight @ change_sum
        if moved is not None:
            for_weight += matmul(moved, scale * for_moved, ctx.precision)
            for_weight.addr_(bias_moved, scale * (change_sum + fed_sum))
            for_bias += moved @ fed_sum + ctx.rows * bias_moved
        return scale * for_hidden, for_weight, for_bias.mul_(scale), None, None, None, None


def _inner(left: Tensor, right: Tensor) -> Tensor:
    """tr(left^T right): the sum of the products of their numbers."""
    return (left * right).sum()
