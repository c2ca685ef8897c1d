"""Calibration of prediction intervals: their coverage, width and score at several levels.

Coverage alone says little, since an interval over the whole scale always contains the rating. So each level has an interval
score too: the mean width plus 2 / (1 - level) times the distance of ratings outside, a proper scoring rule that is lowest for
the true quantiles (Gneiting & Raftery 2007, "Strictly proper scoring rules, prediction, and estimation", section 6.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError
from refeed.metrics.intervals import Interval
from refeed.metrics.rating_errors import sums_by_group

STEP = 0.1
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""The levels at which intervals are evaluated: every STEP, and 0.95."""

Bounds = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""The lower and the upper ends of the intervals of P pairs at each of the L levels, float64 (L, P) each."""


@dataclass(frozen=True)
class LevelCoverage:
    """The intervals of one level.

    Attributes:
        level: the nominal share of ratings inside.
        coverage: the observed share of ratings inside.
        coverage_interval: 95% bootstrap interval of the coverage, over users.
        width: mean width, in units of the ratings.
        score: mean interval score, in units of the ratings; lower is better.
    """

    level: float
    coverage: float
    coverage_interval: Interval
    width: float
    score: float


@dataclass(frozen=True)
class Calibration:
    """How well prediction intervals fit held-out ratings.

    Attributes:
        levels: one entry for each of LEVELS.
        crps: mean continuous ranked probability score of the predictive distributions, from the 19 quantiles that the intervals
            give, in units of the ratings. It generalises the mean absolute error to distributions; lower is better.
    """

    levels: tuple[LevelCoverage, ...]
    crps: float


class CoverageSums:
    """Sums over pairs, added block by block, from which a `Calibration` follows.

    Args:
        num_users: U; memory grows with it alone.

    Attributes:
        inside: number of ratings of each user inside the intervals of each of LEVELS, int32 (L, U).
    """

    def __init__(self, num_users: int) -> None:
        self.inside = np.zeros((len(LEVELS), num_users), np.int32)
        self._widths, self._scores = np.zeros((2, len(LEVELS)))
        self._absolute = 0.0

    def add(
        self,
        users: npt.NDArray[Any],
        user_of_pair: npt.NDArray[Any],
        truth: npt.NDArray[Any],
        predictions: npt.NDArray[Any],
        bounds: Bounds,
    ) -> None:
        """Add the pairs of a block of users.

        Args:
            users: integers (B,), indices of the block's users; each user is in one block only.
            user_of_pair: integers (P,), the index in `users` of each pair, 0 to B - 1.
            truth: the ratings, (P,).
            predictions: the medians of the predictive distributions, (P,).
            bounds: the ends of the intervals at each of LEVELS, (L, P) each.
        """
        ratings, (low, high) = np.asarray(truth, np.float64), bounds
        self._absolute += float(np.abs(ratings - predictions).sum())
        outside = np.maximum(low - ratings, 0.0) + np.maximum(ratings - high, 0.0)
        widths = (high - low).sum(1)
        self._widths += widths
        self._scores += widths + 2.0 / (1.0 - np.array(LEVELS)) * outside.sum(1)
        for inside, distance in zip(self.inside, outside, strict=True):
            inside[users] = sums_by_group(user_of_pair, distance == 0, len(users))

    def result(self, counts: npt.NDArray[Any], coverage_intervals: Sequence[Interval]) -> Calibration:
        """The calibration over all pairs.

        Args:
            counts: integers (U,), number of pairs of each user.
            coverage_intervals: of the coverage at each of LEVELS.

        Raises:
            DataError: no user has a pair.
        """
        total = int(counts.sum())
        if total == 0:
            raise DataError("there are no pairs of rating and prediction interval to evaluate")
        means = (self.inside.sum(1) / total, self._widths / total, self._scores / total)
        levels = tuple(
            LevelCoverage(level, float(coverage), interval, float(width), float(score))
            for level, interval, coverage, width, score in zip(LEVELS, coverage_intervals, *means, strict=True)
        )
        return Calibration(levels, _crps(levels, self._absolute / total))


def _crps(levels: tuple[LevelCoverage, ...], mae: float) -> float:
    """Twice the integral over p of the pinball loss of the p-quantile, by the trapezoidal rule; the loss is 0 at both ends,
    where an interval is the whole scale.

    The losses of the two quantiles of a level L sum to (1 - L) / 2 times its score; that of the median is half the absolute
    error.
    """
    spaced = levels[:-1]  # 0.95 lies off the even steps
    return STEP * (0.5 * mae + sum((1.0 - level.level) / 2.0 * level.score for level in spaced))


def conformal_quantiles(scores: npt.NDArray[np.float64], levels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The smallest bounds that a further, exchangeable score does not exceed with at least the given probabilities.

    The bound at a level L is the ceil((P + 1) L)-th smallest score (split conformal prediction; Vovk et al. 2005).

    Args:
        scores: (P,).
        levels: (L,), increasing, above 0 and below 1.

    Returns:
        float64, the bounds of the first levels; levels above P / (P + 1), for which P scores do not suffice, are left out.
    """
    ranks = np.ceil((len(scores) + 1) * levels - 1e-9).astype(np.int64)
    ordered = np.sort(scores)
    return np.asarray(ordered[ranks[ranks <= len(scores)] - 1], np.float64)
