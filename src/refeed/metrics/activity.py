"""Error by user activity: errors in groups of users by their number of ratings in the history."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError


@dataclass(frozen=True)
class ActivityGroup:
    """Users with about the same number of ratings in their histories.

    Attributes:
        low: smallest number of ratings in the history of a user of the group.
        high: largest number of ratings in the history of a user of the group.
        users: number of users.
        ratings: number of their test ratings.
        rmse: root of the mean squared error over these ratings.
        mae: mean absolute error over these ratings.
    """

    low: int
    high: int
    users: int
    ratings: int
    rmse: float
    mae: float


def activity_deciles(
    history_counts: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    squared_error_sums: npt.NDArray[np.float64],
    absolute_error_sums: npt.NDArray[np.float64],
) -> list[ActivityGroup]:
    """Errors in ten groups of users, from the least to the most active, whose sizes differ by one user at most.

    Ties between users with equal numbers of ratings are broken by index. Fewer than ten users are a group each.

    Args:
        history_counts: integers (U,), number of ratings in the history of each user.
        counts: integers (U,), number of test ratings of each user; users without any are left out.
        squared_error_sums: float64 (U,), sum of the squared errors of each user.
        absolute_error_sums: float64 (U,), sum of the absolute errors of each user.

    Raises:
        DataError: the lengths differ.
    """
    lengths = {len(array) for array in (history_counts, counts, squared_error_sums, absolute_error_sums)}
    if len(lengths) > 1:
        raise DataError(f"expected one value per user in each array, got lengths {sorted(lengths)}")
    tested = np.flatnonzero(counts)
    by_activity = tested[np.argsort(history_counts[tested], kind="stable")]
    groups = np.array_split(by_activity, min(10, max(1, len(by_activity))))
    return [_group(group, history_counts, counts, squared_error_sums, absolute_error_sums) for group in groups if len(group)]


def _group(
    users: npt.NDArray[np.int64],
    history_counts: npt.NDArray[Any],
    ratings: npt.NDArray[Any],
    squared: npt.NDArray[np.float64],
    absolute: npt.NDArray[np.float64],
) -> ActivityGroup:
    number = int(ratings[users].sum())
    return ActivityGroup(
        low=int(history_counts[users].min()),
        high=int(history_counts[users].max()),
        users=len(users),
        ratings=number,
        rmse=sqrt(squared[users].sum() / number),
        mae=float(absolute[users].sum() / number),
    )
