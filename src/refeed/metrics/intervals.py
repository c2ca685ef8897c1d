"""Uncertainty of metrics: bootstrap intervals over users, a paired test of two models, and Holm's correction.

The ratings of a user are not independent, so whole users are resampled, not single ratings (a cluster bootstrap; Davison &
Hinkley 1997, section 3.8). RMSE and MAE need only each user's sum of errors and number of ratings.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.errors import ConfigError, DataError

USERS_AT_ONCE = 1 << 18  # users drawn at a time, or those of a single resample where there are more


class Interval(NamedTuple):
    """The two ends of an interval."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two models on the same pairs of user and item.

    Attributes:
        difference: RMSE of the first minus RMSE of the second; negative where the first is better.
        low: lower end of the interval of the difference.
        high: upper end of the interval of the difference.
        p_value: two-sided, 2 / (resamples + 1) to 1.

    Examples:
        >>> from refeed import PairedDifference
        >>> difference = PairedDifference(-0.012, low=-0.017, high=-0.006, p_value=0.002)
        >>> difference.high < 0  # the interval lies below 0: the first model is better
        True
    """

    difference: float
    low: float
    high: float
    p_value: float


def bootstrap_intervals(
    squared_error_sums: npt.NDArray[np.float64],
    absolute_error_sums: npt.NDArray[np.float64],
    counts: npt.NDArray[Any],
    *,
    further: Sequence[npt.NDArray[Any]] = (),
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
    users_at_once: int = USERS_AT_ONCE,
) -> list[Interval]:
    """The percentile bootstrap intervals of RMSE and MAE over all pairs, with users as the resampled units.

    Args:
        squared_error_sums: float64 (U,), sum of the squared errors of each user.
        absolute_error_sums: float64 (U,), sum of the absolute errors of each user.
        counts: integers (U,), number of pairs of each user; users without any are left out.
        further: sums over the pairs of each user of other quantities, (U,) each.
        level: share of resamples inside an interval, above 0 and below 1.
        resamples: number of resamples, each of U users drawn with replacement, at least 2.
        seed: of the random number generator.
        users_at_once: users drawn at a time, for time and memory alone.

    Returns:
        the interval of RMSE, of MAE, and of the mean over all pairs of each further quantity, from the same resamples.

    Raises:
        ConfigError: an option is out of its range.
        DataError: the lengths differ, a sum is not a finite number, or no user has a pair.
    """
    sums = [squared_error_sums, absolute_error_sums, *further]
    squared, *means = _resampled_means(sums, counts, resamples=resamples, seed=seed, users_at_once=users_at_once).T
    return [_percentiles(column, level) for column in (np.sqrt(squared), *means)]


def paired_difference(
    errors_a_sums: npt.NDArray[np.float64],
    errors_b_sums: npt.NDArray[np.float64],
    counts: npt.NDArray[Any],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedDifference:
    """The difference in RMSE of two models that predicted the same pairs, from the same resamples of users.

    The p-value inverts the percentile interval: twice the smaller share of resamples on one side of zero, with one resample
    added to each side so that it is never 0 (Davison & Hinkley 1997, section 4.2).

    Args:
        errors_a_sums: float64 (U,), sum of the squared errors of each user under the first model.
        errors_b_sums: float64 (U,), the same under the second model.
        counts: integers (U,), number of pairs of each user; users without any are left out.
        level: share of resamples inside the interval, above 0 and below 1.
        resamples: number of resamples, each of U users drawn with replacement, at least 2.
        seed: of the random number generator.

    Raises:
        ConfigError: an option is out of its range.
        DataError: the lengths differ, a sum is not a finite number, or no user has a pair.
    """
    roots = np.sqrt(_resampled_means([errors_a_sums, errors_b_sums], counts, resamples=resamples, seed=seed))
    differences = roots[:, 0] - roots[:, 1]
    total = counts.sum()
    smaller_side = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    return PairedDifference(
        float(np.sqrt(errors_a_sums.sum() / total) - np.sqrt(errors_b_sums.sum() / total)),
        *_percentiles(differences, level),
        p_value=min(1.0, 2 * (1 + smaller_side) / (1 + resamples)),
    )


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P-values of m tests, adjusted to control the family-wise error rate (Holm 1979).

    The i-th smallest of them, counting from 1, is multiplied by m - i + 1, made non-decreasing and capped at 1.

    Args:
        p_values: numbers (m,), 0 to 1.

    Returns:
        float64 (m,), in the order given.

    Raises:
        DataError: a p-value is outside 0 to 1.
    """
    values = np.asarray(p_values, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError(f"p-values lie between 0 and 1, got {values.tolist()}")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def _resampled_means(
    sums: Sequence[npt.NDArray[Any]],
    counts: npt.NDArray[Any],
    *,
    resamples: int,
    seed: int,
    users_at_once: int = USERS_AT_ONCE,
) -> npt.NDArray[np.float64]:
    """Total sum over total count in each resample of users, float64 (resamples, number of sums).

    A resample is represented by how often each user was drawn, so that memory stays at a few arrays of U numbers.
    """
    if resamples < 2:
        raise ConfigError(f"resamples: expected at least 2, for an interval has two ends, got {resamples}")
    table = _table_of_users(sums, counts)  # (number of sums + 1, U)
    generator, users = np.random.default_rng(seed), table.shape[1]
    totals = np.empty((resamples, len(table)))
    at_once = max(1, users_at_once // users)  # resamples whose users are drawn together

    def draw(first: int) -> npt.NDArray[np.int64]:
        return generator.integers(users, size=(min(at_once, resamples - first), users))

    with ThreadPoolExecutor(1) as worker:  # draws the next users while the last ones are counted
        next_users = worker.submit(draw, 0)
        for first in range(0, resamples, at_once):
            drawn = next_users.result()
            if first + at_once < resamples:
                next_users = worker.submit(draw, first + at_once)
            for total, resample in zip(totals[first:], drawn, strict=False):
                np.matmul(table, np.bincount(resample, minlength=users).astype(np.float64), out=total)
    return totals[:, :-1] / totals[:, -1:]


def _table_of_users(sums: Sequence[npt.NDArray[Any]], counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The sums and, last, the counts of the users who have any pair, float64 (number of sums + 1, U)."""
    if any(column.shape != counts.shape for column in sums):
        shapes = ", ".join(str(column.shape) for column in sums)
        raise DataError(f"error sums have the shapes {shapes} and counts {counts.shape}, expected one value of each per user")
    chosen = counts > 0
    table = np.stack([np.asarray(column[chosen], np.float64) for column in (*sums, counts)])
    if table.shape[1] == 0:
        raise DataError("no user has a pair of rating and prediction")
    bad = ~np.isfinite(table).all(axis=0)
    if bad.any():
        raise DataError(f"the error sums of {int(bad.sum()):,} of {table.shape[1]:,} users are not finite numbers")
    return table


def _percentiles(values: npt.NDArray[np.float64], level: float) -> Interval:
    if not 0 < level < 1:
        raise ConfigError(f"level: expected above 0 and below 1, got {level}")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
