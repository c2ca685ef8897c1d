"""How well each kind of user is served: errors by how many ratings a user has in training."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.metrics.rating_errors import sums_by_group


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
    user_of_pair: npt.NDArray[Any],
    squared_error: npt.NDArray[Any],
    absolute_error: npt.NDArray[Any],
) -> list[ActivityGroup]:
    """Ten groups of users, from the least to the most active, that differ by one user in size at most.

    Users with equal numbers of ratings are told apart by position. Fewer than ten users make a group each.

    Args:
        counts_in_train: integers (U,), number of training ratings of each user.
        user_of_pair: integers (P,), user position of each test rating; users without one are left out.
        squared_error: floats (P,).
        absolute_error: floats (P,).

    Raises:
        DataError: the lengths differ, or a user position is out of range.
    """
    num_users = len(counts_in_train)
    squared = sums_by_group(user_of_pair, squared_error, num_users)  # (U,)
    absolute = sums_by_group(user_of_pair, absolute_error, num_users)  # (U,)
    ratings = np.bincount(user_of_pair, minlength=num_users)  # (U,)
    tested = np.flatnonzero(ratings)
    by_activity = tested[np.argsort(counts_in_train[tested], kind="stable")]
    groups = np.array_split(by_activity, min(10, max(1, len(by_activity))))
    return [_group(group, counts_in_train, ratings, squared, absolute) for group in groups if len(group)]


def _group(
    users: npt.NDArray[np.int64],
    counts_in_train: npt.NDArray[Any],
    ratings: npt.NDArray[np.int64],
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
