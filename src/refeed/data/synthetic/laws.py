"""How often, by which users and when items are rated in a synthetic world; fitted to the Netflix Prize data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RANK_DECAY, RANK_STRETCH, RANK_END = 8.0, 0.4, 0.5
"""Of the popularity of items; with the sizes of the Netflix Prize they give its most rated movie and its median."""
ACTIVITY_SPREAD = 1.5
"""Standard deviation of the logarithm of users' activity."""
SLOTS_PER_USER = 16
"""Mean number of slots of a user; activity is a whole number of them."""
DRAWING_ROUNDS = 20


def popularity(rng: np.random.Generator, num_items: int) -> npt.NDArray[np.float64]:
    """The popularity of each item, float64 (num_items,), above 0 and below 1, in random order.

    A stretched exponential of the rank (Laherrère and Sornette, 1998) whose end is bent down to rarely rated items:
    exp(-8 x^0.4) (1 - x)^0.5, with x the share of the items that are more popular.
    """
    rank = (np.arange(num_items) + 0.5) / num_items
    weights = np.exp(-RANK_DECAY * rank**RANK_STRETCH) * (1 - rank) ** RANK_END
    shuffled: npt.NDArray[np.float64] = rng.permutation(weights)
    return shuffled


def item_counts(weights: npt.NDArray[np.float64], num_users: int, num_ratings: int) -> npt.NDArray[np.int64]:
    """Ratings of each item, int64 (num_items,): num_ratings in all, at most num_users each, and at least 1 if there are enough.

    Audiences saturate: an item of weight w has 1 + (num_users - 1)(1 - exp(-t w)) ratings, with the t that gives the total.

    Args:
        weights: float64 (num_items,), popularity.
        num_users: users of the world.
        num_ratings: from 1 to num_users * num_items.
    """
    least = int(num_ratings >= len(weights))

    def expected(pressure: float) -> npt.NDArray[np.float64]:
        sizes: npt.NDArray[np.float64] = least + (num_users - least) * -np.expm1(-pressure * weights)
        return sizes

    low, high = 0.0, 1.0
    while high < 1e300 and expected(high).sum() < num_ratings:  # at a full table, only rounding lets the sum reach the total
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle).sum() < num_ratings else (low, middle)
    cumulative = np.floor(np.cumsum(expected(high)) + 0.5)  # rounding the running sum keeps the total and the bounds of a count
    cumulative[-1] = num_ratings
    bounds = np.append(0, np.minimum(cumulative, num_ratings).astype(np.int64))
    return np.asarray(bounds[1:] - bounds[:-1])


def activity(rng: np.random.Generator, num_users: int) -> npt.NDArray[np.int64]:
    """How much each user rates, as whole slots, int64 (num_users,): log-normal, at least 1, SLOTS_PER_USER on average."""
    weights = rng.lognormal(sigma=ACTIVITY_SPREAD, size=num_users)
    slots = np.rint(SLOTS_PER_USER * weights / weights.mean())
    return np.asarray(np.maximum(slots, 1), np.int64)


def joining(rng: np.random.Generator, num_users: int) -> npt.NDArray[np.float64]:
    """When each user gives the first rating at the earliest, as a share of the span, float64 (num_users,): Beta(3, 1.5)."""
    return rng.beta(3.0, 1.5, num_users)


def releases(rng: np.random.Generator, num_items: int) -> npt.NDArray[np.float64]:
    """When each item appears, as a share of the span, float64 (num_items,): a third at the start, the others evenly to 0.95."""
    return np.maximum(0.0, rng.uniform(-0.475, 0.95, num_items))


def moments(rng: np.random.Generator, earliest: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """When each rating is given, float64 (nnz,) below 1: soon after the earliest possible moment, float64 (nnz,), or later."""
    return earliest + (1 - earliest) * rng.random(len(earliest)) ** 2


def audience(
    rng: np.random.Generator,
    count: int,
    *,
    first: npt.NDArray[np.int32],
    slots: npt.NDArray[np.int32],
    activities: npt.NDArray[np.int64],
    rounds: int = DRAWING_ROUNDS,
) -> npt.NDArray[np.int64]:
    """The users who rate an item, int64 (count,), increasing: `first`, and others drawn one after the other by activity.

    Users who are drawn twice are replaced. Where that takes many rounds, since almost all users are in, the rest comes in one
    step from exponential clocks, whose order of ringing is that of drawing without replacement (Efraimidis and Spirakis, 2006).

    Args:
        rng: the item's generator.
        count: from len(first) to num_users.
        first: distinct indices of users who must be among them.
        slots: user indices, each as often as its activity.
        activities: int64 (num_users,).
        rounds: of drawing, before the rest comes in one step; the law is the same whatever it is.
    """
    chosen = np.zeros(len(activities), bool)
    chosen[first] = True
    for _ in range(rounds):
        missing = count - np.count_nonzero(chosen)
        if not missing:
            return np.flatnonzero(chosen)
        chosen[slots[rng.integers(len(slots), size=missing)]] = True
    missing = count - np.count_nonzero(chosen)
    others = np.flatnonzero(~chosen)
    clocks = rng.exponential(size=len(others)) / activities[others]
    chosen[others[np.argsort(clocks)[:missing]]] = True
    return np.flatnonzero(chosen)
