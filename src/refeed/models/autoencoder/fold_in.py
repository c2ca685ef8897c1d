"""Fold-in of users on the item side: the maximum a posteriori last-layer vector given a history."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from refeed.data.history import History

MOST_STEPS = 8  # Gauss-Newton steps; a linear last layer is exact after one
MOST_HALVINGS = 6  # of a step that would raise the cost, which a nonlinear activation makes possible


def fold_in_vectors(
    residuals: History,
    codes: Tensor,
    prior: Tensor,
    biases: Tensor,
    activation: Callable[[Tensor], Tensor],
    *,
    spread: Tensor,
    noise: float,
) -> Tensor:
    """Vectors v_u = prior_u + S z that minimise sum_i (r_ui - a(h_i . v_u + b_u))^2 + noise * |z|^2.

    Gauss-Newton from the prior; a step is halved until it lowers the cost, so that no vector is worse than its prior.

    Args:
        residuals: the ratings r of B users less offsets.
        codes: h, (n, k).
        prior: (B, k).
        biases: b, (B,).
        activation: a, of the last layer (identity if it is linear).
        spread: S, (k, k): S S^T is the prior covariance of the vectors.
        noise: variance of a rating around its prediction, above 0.

    Returns:
        (B, k).
    """
    vectors = prior.clone()
    for user in range(len(residuals)):
        row = residuals.rows([user])
        if row.num_ratings == 0:
            continue
        features = codes[torch.from_numpy(row.indices).to(codes.device)]  # n_u x k
        target = torch.from_numpy(row.values).to(codes.device)
        before = features @ prior[user] + biases[user]
        vectors[user] += spread @ _solve(features @ spread, target, before, activation, noise)
    return vectors


def _solve(features: Tensor, target: Tensor, before: Tensor, activation: Callable[[Tensor], Tensor], noise: float) -> Tensor:
    """argmin_z |target - a(F z + before)|^2 + noise |z|^2 for F (r, k)."""

    def cost(vector: Tensor) -> Tensor:
        gaps = target - activation(features @ vector + before)
        return gaps.square().sum() + noise * vector.square().sum()

    vector = features.new_zeros(features.shape[1])
    lowest = cost(vector)
    for _ in range(MOST_STEPS):
        output, slope = _value_and_slope(features @ vector + before, activation)
        scaled = features * slope[:, None]
        direction = _ridge(scaled, target - output + scaled @ vector, noise) - vector
        candidates = (vector + direction / 2**halving for halving in range(MOST_HALVINGS + 1))
        moved = next((candidate for candidate in candidates if cost(candidate) < lowest), None)
        if moved is None or torch.allclose(moved, vector, rtol=1e-5, atol=1e-6):
            return vector if moved is None else moved
        vector, lowest = moved, cost(moved)
    return vector


def _ridge(features: Tensor, gaps: Tensor, noise: float) -> Tensor:
    """argmin_d |gaps - F d|^2 + noise |d|^2 for F (r, k), solved in the smaller of r and k unknowns."""
    ratings, width = features.shape
    smaller = min(ratings, width)
    penalty = noise * torch.eye(smaller, dtype=features.dtype, device=features.device)
    if ratings <= width:
        by_rating: Tensor = torch.linalg.solve(features @ features.t() + penalty, gaps)
        return features.t() @ by_rating
    by_column: Tensor = torch.linalg.solve(features.t() @ features + penalty, features.t() @ gaps)
    return by_column


def _value_and_slope(sums: Tensor, activation: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = sums.detach().requires_grad_()
        output = activation(leaf)
        (slope,) = torch.autograd.grad(output.sum(), leaf)
    return output.detach(), slope
