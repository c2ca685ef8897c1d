"""Draws of the prior of the vectors of a Bayesian factorisation, given the vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MEAN_WEIGHT = 2.0  # beta_0: pseudo-count of vectors at 0 for the prior's mean (as in the paper)
STRENGTH_SHAPE, STRENGTH_RATE = 1.0, 1e-3  # of the gamma prior of the precision of the choice weights; almost flat


@dataclass(frozen=True, eq=False)
class RowPrior:
    """Vectors x_r ~ N(mean + B^T s_r, precision^-1).

    Attributes:
        mean: (d,).
        precision: (d, d).
        choice_weights: B, (f, d).
        strength: precision of B, relative to that of x.
    """

    mean: Tensor
    precision: Tensor
    choice_weights: Tensor
    strength: float

    def means(self, choices: Tensor) -> Tensor:
        """Prior means of rows with the features `choices`, (r, f) -> (r, d)."""
        return self.mean + choices @ self.choice_weights


def draw_mean_and_precision(vectors: Tensor, centred: Tensor, numbers: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw mu, (d,), and A, (d, d), given vectors x_r ~ N(mu, A^-1), with priors mu ~ N(0, (beta_0 A)^-1), A ~ Wishart(I, d).

    Salakhutdinov & Mnih (2008), equation 14; the Wishart draw by Bartlett's decomposition.

    Args:
        vectors: x, (r, d).
        centred: further vectors ~ N(0, A^-1), (c, d).
        numbers: random numbers.
    """
    rows, width = vectors.shape
    both = torch.cat((vectors, centred)).double()
    total, squares = vectors.double().sum(0).numpy(force=True), (both.mT @ both).numpy(force=True)
    shrunken = total / (rows + MEAN_WEIGHT)
    inverse_scale = np.eye(width) + squares - (rows + MEAN_WEIGHT) * np.outer(shrunken, shrunken)
    root = np.linalg.cholesky(np.linalg.inv(inverse_scale))
    triangle = np.tril(numbers.standard_normal((width, width)), -1)
    triangle += np.diag(np.sqrt(numbers.chisquare(width + len(both) - np.arange(width))))
    root = root @ triangle  # A = root root^T
    mean = shrunken + np.linalg.solve(root.T, numbers.standard_normal(width)) / np.sqrt(rows + MEAN_WEIGHT)
    return torch.from_numpy(mean).to(vectors), torch.from_numpy(root @ root.T).to(vectors)


def draw_prior(
    vectors: Tensor, choices: Tensor, gram: Tensor, before: RowPrior, *, numbers: np.random.Generator, normal: torch.Generator
) -> RowPrior:
    """Draw each part of the prior given the others and the vectors; B as in Macau (Simm et al. 2017), section 3.

    B ~ N(0, strength^-1 I x A^-1) given the vectors is matrix normal with mean K^-1 S^T (X - mu) and row covariance K^-1,
    K = S^T S + strength I, and column covariance A^-1.

    Args:
        vectors: X, (r, d).
        choices: S, (r, f).
        gram: S^T S in float64, (f, f).
        before: the previous draw of the prior.
        numbers: random numbers for the small draws.
        normal: random numbers for the weights.
    """
    scaled = before.strength**0.5 * before.choice_weights  # which have the precision A too
    mean, precision = draw_mean_and_precision(vectors - choices @ before.choice_weights, scaled, numbers)
    features, width = choices.shape[1], vectors.shape[1]
    if features == 0:
        return RowPrior(mean, precision, before.choice_weights, before.strength)
    root = torch.linalg.cholesky(gram + before.strength * torch.eye(features, dtype=gram.dtype, device=gram.device)).to(vectors)
    expected = torch.cholesky_solve(choices.mT @ (vectors - mean), root)
    free = torch.randn(features, width, generator=normal, device=vectors.device)
    rows_done = torch.linalg.solve_triangular(root.mT, free, upper=True)
    weights = expected + torch.linalg.solve_triangular(torch.linalg.cholesky(precision), rows_done, upper=False, left=False)
    size = float(((weights @ precision) * weights).sum())
    strength = numbers.gamma(STRENGTH_SHAPE + features * width / 2) / (STRENGTH_RATE + size / 2)
    return RowPrior(mean, precision, weights, float(strength))
