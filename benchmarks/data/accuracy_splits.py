"""The splits on which errors are compared, each made here and nowhere else: every program learns from the same ratings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from data.movielens import dataset_folder, movielens_split
from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.splits.base import Split
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.time import TimeSplit, UserTimeSplit
from refeed.readers import read_ratings

PART = "part"
U1_VALID = 8_000  # of the 80,000 ratings of u1.base


def ml_1m_random90() -> Split:
    """MovieLens 1M, a tenth drawn at random for test, by the column `random90` of the data set at hand."""
    return ColumnSplit("random90").apply(read_ratings(dataset_folder("ml-1m"), labels=("random90",)))


def ml_100k_u1() -> Split:
    """MovieLens 100K, its publisher's fold u1, of whose training ratings a tenth is drawn for validation."""
    folder = dataset_folder("ml-100k")
    base, test = (np.loadtxt(folder / name, dtype=np.int64) for name in ("u1.base", "u1.test"))  # user, item, rating, time
    return u1_split(base, test, valid=U1_VALID)


def u1_split(base: np.ndarray, test: np.ndarray, *, valid: int) -> Split:
    """The split of two files' rows.

    Args:
        base: integers (B, 4), user, item, rating and time of each rating to learn from or to choose by.
        test: integers (T, 4), the same to test on.
        valid: number of the rows of `base` that are drawn to choose by.
    """
    codes = np.repeat(np.array([0, 2], np.uint8), [len(base), len(test)])
    codes[np.random.default_rng(0).permutation(len(base))[:valid]] = 1
    users, items, values, times = np.concatenate([base, test]).T
    labels = {PART: LabelColumn(codes, ("train", "valid", "test"))}
    ratings = Ratings.from_columns(users, items, values, timestamps=times, labels=labels)
    return ColumnSplit(PART).apply(ratings)


def ml_latest_small() -> Split:
    """MovieLens latest small, the last fifth of each user's ratings for test, the fifth before it for validation."""
    return UserTimeSplit(fraction=0.2).apply(read_ratings(dataset_folder("ml-latest-small")))


def movietweetings_100k() -> Split:
    """MovieTweetings 100K on one time line: the past 80% to learn from."""
    return TimeSplit(fraction=0.8).apply(read_ratings(dataset_folder("movietweetings-100k")))


SPLITS: Mapping[str, Callable[[], Split]] = {
    "ml-100k-u1": ml_100k_u1,
    "ml-latest-small": ml_latest_small,
    "movietweetings-100k": movietweetings_100k,
    "ml-1m-time80": movielens_split,
    "ml-1m-random90": ml_1m_random90,
}
"""By name, from the quickest to the slowest."""

PUBLISHED_ON_ALL_TRAINING = frozenset({"ml-100k-u1", "ml-1m-random90"})
"""Those whose published figures come from models that learnt from train and valid together."""
