"""Ratings that nobody gave, shaped like those that people give; for demonstrations and tests without data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.batches import derive_seed
from refeed.data.ratings import Ratings, RatingScale
from refeed.errors import ConfigError

FIRST_SECOND = 1_420_070_400  # 2015-01-01 UTC
SPAN_SECONDS = 4 * 365 * 86_400
TASTE_WIDTH = 6


def synthetic_ratings(
    num_users: int, num_items: int, num_ratings: int, *, seed: int = 0, scale: tuple[int, int] = (1, 5)
) -> Ratings:
    """Invented ratings in whole stars with a long tail of users and items, taste, and time.

    Who rates how much is log-normal (at most about 6 times the mean), what is rated follows a power law, and no pair occurs
    twice. A user joins somewhere in four years from 2015 on and rates most soon after that. A rating is a bit above the middle
    of the scale, plus a bias of the user, a bias of the item (popular items are liked a little more), the product of the user's
    and the item's taste (6 numbers each; the user's move along a straight line over the years), and noise, rounded and clipped.

    Args:
        num_users: users, with ids 1, 2, …; each has at least one rating.
        num_items: items, with ids 1, 2, …; those that nobody happened to rate do not occur in the result.
        num_ratings: ratings, from num_users to num_users * num_items.
        seed: the ratings are a function of the arguments and this.
        scale: smallest and largest star.

    Raises:
        ConfigError: the numbers cannot be met.
    """
    if not 1 <= num_users <= num_ratings <= num_users * num_items:
        raise ConfigError(
            f"num_ratings: expected at least one for each of {num_users:,} users and at most one for each of their "
            f"{num_users * num_items:,} pairs with the {num_items:,} items, got {num_ratings:,}"
        )
    if not scale[0] < scale[1]:
        raise ConfigError(f"scale: expected a smallest star below the largest, got {scale[0]} and {scale[1]}")
    rng = np.random.default_rng(derive_seed(seed, "synthetic ratings"))
    popularity = rng.permutation((np.arange(num_items) + 5.0) ** -0.9)  # (num_items,)
    counts = _counts(rng, num_users, num_items, num_ratings)
    users, items = _distinct_pairs(rng, counts, popularity)
    moments = _moments(rng, users, num_users)
    stars = _stars(rng, users, items, moments, num_users=num_users, popularity=popularity, scale=scale)
    return Ratings.from_columns(
        users + 1,
        items + 1,
        stars,
        timestamps=FIRST_SECOND + (moments * SPAN_SECONDS).astype(np.int64),
        scale=RatingScale(*scale),
        notes=(f"invented by refeed (seed {seed}); no person gave these ratings",),
    )


def _counts(rng: np.random.Generator, num_users: int, num_items: int, num_ratings: int) -> npt.NDArray[np.int64]:
    """Ratings of each user, int64 (num_users,): at least 1, at most num_items, num_ratings in all."""
    weights = rng.lognormal(sigma=1.1, size=num_users)
    weights = np.minimum(weights, 6 * weights.mean())
    wanted = 1 + rng.multinomial(num_ratings - num_users, weights / weights.sum())
    counts = np.minimum(wanted, num_items)
    missing, room = num_ratings - int(counts.sum()), num_items - counts
    counts += missing * room // max(1, int(room.sum()))  # what does not fit goes to those with room, in proportion
    missing, room = num_ratings - int(counts.sum()), num_items - counts
    counts += np.clip(missing - (np.cumsum(room) - room), 0, room)  # the rest of that division, first come
    return counts


def _distinct_pairs(
    rng: np.random.Generator, counts: npt.NDArray[np.int64], popularity: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """`counts[u]` distinct items for each user u, the popular ones more often; users and items, int64 (nnz,) each."""
    num_items = len(popularity)
    cumulative = np.cumsum(popularity / popularity.sum())
    cumulative[-1] = 1.0
    keys = np.empty(0, np.int64)  # user * num_items + item, increasing
    missing = counts
    for _ in range(12):
        rows = np.repeat(np.arange(len(counts)), missing)
        drawn = np.searchsorted(cumulative, rng.random(len(rows)), side="right")
        keys = np.sort(np.concatenate([keys, rows * num_items + drawn]))
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
        missing = counts - np.bincount(keys // num_items, minlength=len(counts))
        if not missing.any():
            break
    keys = np.concatenate([keys, _fill(rng, keys, missing, num_items)])
    return keys // num_items, keys % num_items


def _fill(
    rng: np.random.Generator, keys: npt.NDArray[np.int64], missing: npt.NDArray[np.int64], num_items: int
) -> npt.NDArray[np.int64]:
    """Keys for the few users who have rated so much that drawing hardly meets a new item: their unrated items at random.

    Such users have a good part of all items, so one row of num_items for each is no more than the result holds anyway.
    """
    users = np.flatnonzero(missing)
    position = np.full(len(missing), -1)
    position[users] = np.arange(len(users))
    own = keys[position[keys // num_items] >= 0]
    order = rng.random((len(users), num_items))
    order[position[own // num_items], own % num_items] = 2.0  # rated already: last
    chosen = np.argsort(order, axis=1)  # (users who miss some, num_items)
    wanted = np.arange(num_items) < missing[users, None]
    filled: npt.NDArray[np.int64] = (users[:, None] * num_items + chosen)[wanted]
    return filled


def _moments(rng: np.random.Generator, users: npt.NDArray[np.int64], num_users: int) -> npt.NDArray[np.float64]:
    """When each rating was given, as a share of the whole span, float64 (nnz,) in [0, 1)."""
    joined = rng.random(num_users)[users]
    return joined + (1 - joined) * rng.random(len(users)) ** 3


def _stars(
    rng: np.random.Generator,
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int64],
    moments: npt.NDArray[np.float64],
    *,
    num_users: int,
    popularity: npt.NDArray[np.float64],
    scale: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """The ratings, whole numbers float64 (nnz,)."""
    num_items = len(popularity)
    liking = np.log(popularity) - np.log(popularity).mean()
    user_bias, item_bias = rng.normal(0, 0.45, num_users), rng.normal(0, 0.4, num_items) + 0.15 * liking
    item_taste = rng.normal(0, 1, (num_items, TASTE_WIDTH))
    user_taste, user_drift = rng.normal(0, 1, (2, num_users, TASTE_WIDTH))
    level = user_bias[users] + item_bias[items] + rng.normal(0, 0.6, len(users))
    for axis in range(TASTE_WIDTH):  # one axis at a time keeps the memory at a few columns of (nnz,)
        taste = user_taste[users, axis] + user_drift[users, axis] * (moments - 0.5)
        level += 0.25 * taste * item_taste[items, axis]
    low, high = scale
    stars: npt.NDArray[np.float64] = np.clip(np.round(low + (high - low) * (0.65 + 0.25 * level)), low, high)
    return stars
