"""Ratings that nobody gave, shaped like those that people give; for demonstrations and tests without data."""

from __future__ import annotations

import numpy as np

from refeed.data.ratings import Ratings, RatingScale
from refeed.data.synthetic.world import synthetic_world

FIRST_SECOND = 1_420_070_400  # 2015-01-01 UTC
SPAN_SECONDS = 4 * 365 * 86_400


def synthetic_ratings(
    num_users: int, num_items: int, num_ratings: int, *, seed: int = 0, scale: tuple[int, int] = (1, 5)
) -> Ratings:
    """Invented ratings in whole stars with a long tail of users and items, biases, taste that drifts, and four years of time.

    It is the world of `synthetic_world`, all of it in memory; docs/guide/synthetic.md has its laws. No pair occurs twice.

    Args:
        num_users: users, with ids 1, 2, …; each has at least one rating.
        num_items: items, with ids 1, 2, …; each has at least one rating, but where there are fewer ratings than items, those
            that nobody rated do not occur in the result.
        num_ratings: ratings, from num_users to num_users * num_items.
        seed: the ratings are a function of the arguments and this.
        scale: smallest and largest star.

    Raises:
        ConfigError: the numbers cannot be met.
    """
    world = synthetic_world(num_users, num_items, num_ratings, seed=seed, span=SPAN_SECONDS, scale=scale)
    items = list(world)
    return Ratings.from_columns(
        1 + np.concatenate([one.users for one in items]),
        1 + np.repeat(np.arange(num_items), world.counts),
        np.concatenate([one.stars for one in items]),
        timestamps=FIRST_SECOND + np.concatenate([one.times for one in items]),
        scale=RatingScale(*scale),
        notes=(f"invented by refeed (seed {seed}); no person gave these ratings",),
    )
