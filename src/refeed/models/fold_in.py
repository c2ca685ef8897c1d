"""A last-layer vector for a person who was not trained on, by regularised least squares over their history."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from refeed.data.history import History

REGULARISATION = 1.0  # squared error that one unit of squared distance from the prior vector costs
STEPS_IF_NONLINEAR = 8  # Gauss-Newton steps; a linear last layer is exact after one


def fold_in_vectors(
    residuals: History, codes: Tensor, prior: Tensor, biases: Tensor, activation: Callable[[Tensor], Tensor]
) -> Tensor:
    """Vectors v_u that minimise sum_i (r_ui - a(h_i . v_u + b_u))^2 + REGULARISATION * |v_u - prior_u|^2.

    Gauss-Newton from the prior, in the form with one unknown for each rating of the history (the smaller side).

    Args:
        residuals: the ratings r of B people, offsets taken off.
        codes: h, (n, k).
        prior: (B, k).
        biases: b, (B,).
        activation: a, the last layer's (identity if it is linear).

    Returns:
        (B, k).
    """
    vectors = prior.clone()
    for person in range(len(residuals)):
        one = residuals.rows([person])
        if one.num_ratings == 0:
            continue
        features = codes[torch.from_numpy(one.indices).to(codes.device)]  # k_u x k
        target = torch.from_numpy(one.values).to(codes.device)
        vectors[person] = _solve(features, target, prior[person], biases[person], activation)
    return vectors


def _solve(features: Tensor, target: Tensor, prior: Tensor, bias: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    vector = prior
    for _ in range(STEPS_IF_NONLINEAR):
        output, slope = _value_and_slope(features @ vector + bias, activation)
        scaled = features * slope[:, None]
        gap = target - output + scaled @ (vector - prior)
        kernel = scaled @ scaled.t() + REGULARISATION * torch.eye(len(target), device=target.device)
        weights: Tensor = torch.linalg.solve(kernel, gap)
        moved = prior + scaled.t() @ weights
        if torch.allclose(moved, vector, rtol=1e-5, atol=1e-6):
            return moved
        vector = moved
    return vector


def _value_and_slope(sums: Tensor, activation: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = sums.detach().requires_grad_()
        output = activation(leaf)
        (slope,) = torch.autograd.grad(output.sum(), leaf)
    return output.detach(), slope
