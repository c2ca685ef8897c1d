"""Penalties of a factor model estimated from its factors: PMF's adaptive priors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prior:
    """The Gaussian prior of the factors of all users, or of all items.

    Attributes:
        regularisation: lambda = variance of the noise / variance of the factors.
        variance: of the factors, around 0; None before the first estimate.
    """

    regularisation: float
    variance: float | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """The users or the items, from whose factors their prior is estimated.

    Attributes:
        factors: (r, k).
        counts: training ratings of each row, (r,).
        prior: the estimate so far.
    """

    factors: Tensor
    counts: Tensor
    prior: Prior

    @property
    def mean_square(self) -> float:
        """Of the factors of rows with ratings."""
        return self.factors[self.counts > 0].square().mean(dtype=torch.float64).item()

    @property
    def variance(self) -> float:
        """Of the factors, the estimate so far."""
        return self.mean_square if self.prior.variance is None else self.prior.variance


@torch.no_grad()
def estimated_priors(
    users: Evidence, items: Evidence, mean_squared_error: float, *, most: float = math.inf
) -> tuple[Prior, Prior]:
    """Estimate the priors of users and items; Salakhutdinov & Mnih (2008), sections 3.1 and 3.2, with the vectors' uncertainty.

    The published estimate, variance = mean square of the fitted vectors, shrinks the vectors, which raises the penalty, and so
    on. This is a step of expectation maximisation instead: a factor of a row with c ratings has the posterior variance
    v = noise / (c * variance of the other side + lambda), which adds to its expected square and, through the predictions, to
    the noise (as in the variational form of Lim & Teh 2007, with spherical covariances).

    Args:
        users: factors of the users.
        items: factors of the items.
        mean_squared_error: of the training ratings.
        most: upper bound of lambda.
    """
    of_users = _uncertainty(users, items, mean_squared_error)
    of_items = _uncertainty(items, users, mean_squared_error)
    u, i = _mean(of_users, users.counts), _mean(of_items, items.counts)
    noise = mean_squared_error + users.factors.shape[1] * (users.mean_square * i + items.mean_square * u + u * i)
    return _prior(users, of_users, noise, most), _prior(items, of_items, noise, most)


def _uncertainty(side: Evidence, other: Evidence, noise: float) -> Tensor:
    """v of each row, (r,)."""
    return noise / (side.counts.double() * other.variance + side.prior.regularisation)


def _mean(values: Tensor, weights: Tensor) -> float:
    return ((values * weights).sum() / weights.sum()).item()


def _prior(side: Evidence, uncertainty: Tensor, noise: float, most: float) -> Prior:
    variance = side.mean_square + _mean(uncertainty, (side.counts > 0).double())
    return Prior(min(most, noise / variance), variance)
