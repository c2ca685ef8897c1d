"""A synthetic world of users and items, whose ratings are generated item by item, so that memory never holds all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.synthetic.laws import activity, audience, item_counts, joining, moments, popularity, releases
from refeed.errors import ConfigError
from refeed.seeds import derive_seed

TASTE_WIDTH = 8
MEAN_STARS, USER_BIAS, ITEM_BIAS, POPULARITY_BIAS, TASTE, DRIFT, NOISE = 3.7, 0.45, 0.33, 0.1, 0.18, 2.0, 0.88
"""Of the stars before rounding, on a scale from 1 to 5: their mean; standard deviations; and how much higher an item e times as
popular is rated. A unit of taste is worth TASTE stars an axis, and moves by DRIFT over the whole span."""
MIDDLE = 0.75
"""The moment, as a share of the span, at which the drift is 0; about 30% of the ratings are older."""
SIZES: Mapping[str, tuple[int, int, int]] = {
    "netflix": (480_189, 17_770, 100_480_507),
    "ml-100k": (943, 1_682, 100_000),
    "ml-1m": (6_040, 3_706, 1_000_209),
    "ml-10m": (69_878, 10_677, 10_000_054),
    "ml-20m": (138_493, 26_744, 20_000_263),
}
"""Users, items and ratings of published data sets."""


@dataclass(frozen=True, eq=False)
class ItemRatings:
    """All ratings of one item.

    Attributes:
        item: index of the item.
        users: int64 (count,), indices of its users, increasing.
        stars: int64 (count,), whole stars.
        times: int64 (count,), seconds since the first second of the world.
    """

    item: int
    users: npt.NDArray[np.int64]
    stars: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SyntheticWorld:
    """Users and items as they are; what they rate follows from it and the seed, item by item, in any order.

    Attributes:
        seed: seed of the world.
        scale: smallest and largest star.
        span: seconds from the first possible rating to the end.
        counts: int64 (num_items,), ratings of each item.
        slots: int32 (slots,), user indices, each as often as its activity.
        activities: int64 (num_users,), slots of each user.
        first_users: int32 (num_users,), all users in random order; those from `first_bounds[i]` up to `first_bounds[i + 1]` are
            sure to rate item i, so that each user rates something.
        first_bounds: int64 (num_items + 1,).
        joined: float64 (num_users,), when a user joins, as a share of the span.
        released: float64 (num_items,), when an item appears, as a share of the span.
        traits: float64 (num_users, 2 * TASTE_WIDTH + 1), the user's taste, the drift of it over the span, and bias.
        qualities: float64 (num_items, TASTE_WIDTH + 1), how much the item has of what users have a taste for, and bias.
    """

    seed: int
    scale: tuple[int, int]
    span: int
    counts: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int32]
    activities: npt.NDArray[np.int64]
    first_users: npt.NDArray[np.int32]
    first_bounds: npt.NDArray[np.int64]
    joined: npt.NDArray[np.float64]
    released: npt.NDArray[np.float64]
    traits: npt.NDArray[np.float64]
    qualities: npt.NDArray[np.float64]

    @property
    def num_users(self) -> int:
        """Number of users."""
        return len(self.joined)

    @property
    def num_items(self) -> int:
        """Number of items."""
        return len(self.counts)

    @property
    def num_ratings(self) -> int:
        """Number of ratings."""
        return int(self.counts.sum())

    def __iter__(self) -> Iterator[ItemRatings]:
        """The ratings of each item that has any, in the order of the items."""
        return (self.ratings_of(item) for item in np.flatnonzero(self.counts).tolist())

    def ratings_of(self, item: int) -> ItemRatings:
        """The ratings of the item at this index, always the same ones."""
        rng = np.random.default_rng(derive_seed(self.seed, "synthetic item", item))
        first = self.first_users[self.first_bounds[item] : self.first_bounds[item + 1]]
        users = audience(rng, int(self.counts[item]), first=first, slots=self.slots, activities=self.activities)
        when = moments(rng, np.maximum(self.joined[users], self.released[item]))
        times = (when * self.span).astype(np.int64)
        return ItemRatings(item, users, self._stars(rng, item, users, when), times)

    def _stars(
        self, rng: np.random.Generator, item: int, users: npt.NDArray[np.int64], when: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        """Whole stars, int64 (count,), of an item's users at these moments, float64 (count,)."""
        quality, bias = self.qualities[item, :-1], self.qualities[item, -1]
        weights = np.zeros((self.traits.shape[1], 2))  # one product with the traits gives the level and its drift
        weights[:TASTE_WIDTH, 0] = weights[TASTE_WIDTH:-1, 1] = quality
        weights[-1, 0] = 1.0
        level, drift = (self.traits[users] @ weights).T  # (count,) each
        level = bias + level + drift * (when - MIDDLE) + rng.normal(0, NOISE, len(users))
        low, high = self.scale
        stars: npt.NDArray[np.float64] = np.rint(low + (high - low) * (MEAN_STARS - 1 + level) / 4)
        return stars.clip(low, high).astype(np.int64)


def synthetic_world(
    num_users: int, num_items: int, num_ratings: int, *, seed: int, span: int, scale: tuple[int, int] = (1, 5)
) -> SyntheticWorld:
    """A world of these sizes; docs/guide/synthetic.md has its laws.

    Args:
        num_users: users; each has at least one rating.
        num_items: items; each has at least one rating unless there are fewer ratings than items.
        num_ratings: ratings, from num_users to num_users * num_items.
        seed: the world and its ratings are a function of the arguments and this.
        span: seconds from the first possible rating to the end, at least 1.
        scale: smallest and largest star.

    Raises:
        ConfigError: the numbers cannot be met.
    """
    _require_possible(num_users, num_items, num_ratings, scale)
    rng = np.random.default_rng(derive_seed(seed, "synthetic world"))
    weights = popularity(rng, num_items)
    counts = item_counts(weights, num_users, num_ratings)
    activities = activity(rng, num_users)
    liking = np.log(weights) - np.log(weights) @ counts / num_ratings  # 0 on average over the ratings
    return SyntheticWorld(
        seed=seed,
        scale=scale,
        span=span,
        counts=counts,
        slots=np.repeat(np.arange(num_users, dtype=np.int32), activities),
        activities=activities,
        first_users=rng.permutation(np.arange(num_users, dtype=np.int32)),
        first_bounds=np.append(0, np.cumsum(counts)) * num_users // num_ratings,  # the same share of every item's ratings
        joined=joining(rng, num_users),
        released=releases(rng, num_items),
        traits=rng.normal(0, [1.0] * TASTE_WIDTH + [DRIFT] * TASTE_WIDTH + [USER_BIAS], (num_users, 2 * TASTE_WIDTH + 1)),
        qualities=np.column_stack(
            [rng.normal(0, TASTE, (num_items, TASTE_WIDTH)), rng.normal(POPULARITY_BIAS * liking, ITEM_BIAS)]
        ),
    )


def _require_possible(num_users: int, num_items: int, num_ratings: int, scale: tuple[int, int]) -> None:
    if not 1 <= num_users <= num_ratings <= num_users * num_items:
        raise ConfigError(
            f"num_ratings: expected at least one for each of {num_users:,} users and at most one for each of their "
            f"{num_users * num_items:,} pairs with the {num_items:,} items, got {num_ratings:,}"
        )
    if not scale[0] < scale[1]:
        raise ConfigError(f"scale: expected a smallest star below the largest, got {scale[0]} and {scale[1]}")
