"""How well each kind of user is served: errors by how many ratings a user has in training."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError


@dataclass(frozen=True)
class ActivityGroup:
    """Users with about the same number of ratings in training.

    Attributes:
        low: smallest number of ratings in training among the users of the group.
        high: largest number of ratings in training among the users of the group.
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
    counts_in_train: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    squared_error_sums: npt.NDArray[np.float64],
    absolute_error_sums: npt.NDArray[np.float64],
) -> list[ActivityGroup]:
    """Ten groups of users, from the least to the most active, that differ by one user in size at most.

    Users with equal numbers of ratings are told apart by position. Fewer than ten users make a group each.

    Args:
        counts_in_train: integers (U,), number of training ratings of each user.
        counts: integers (U,), number of test ratings of each user; users without any are left out.
        squared_error_sums: float64 (U,), sum of the squared errors of each user.
        absolute_error_sums: float64 (U,), sum of the absolute errors of each user.

    Raises:
        DataError: the lengths differ.
    """
    lengths = {len(array) for array in (counts_in_train, counts, squared_error_sums, absolute_error_sums)}
    if len(lengths) > 1:
        raise DataError(f"expected one number of each kind for each user, got lengths {sorted(lengths)}")
    tested = np.flatnonzero(counts)
    by_activity = tested[np.argsort(counts_in_train[tested], kind="stable")]
    groups = np.array_split(by_activity, min(10, max(1, len(by_activity))))
    return [_group(group, counts_in_train, counts, squared_error_sums, absolute_error_sums) for group in groups if len(group)]


def _group(
    users: npt.NDArray[np.int64],
    counts_in_train: npt.NDArray[Any],
    ratings: npt.NDArray[Any],
    squared: npt.NDArray[np.float64],
    absolute: npt.NDArray[np.float64],
) -> ActivityGroup:
    number = int(ratings[users].sum())
    return ActivityGroup(
        low=int(counts_in_train[users].min()),
        high=int(counts_in_train[users].max()),
        users=len(users),
        ratings=number,
        rmse=sqrt(squared[users].sum() / number),
        mae=float(absolute[users].sum() / number),
    )
