"""How the time of a supervised epoch grows with the number of ratings, from 1 to 100 million."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.netflix_shaped import NETWORK, sgd
from data.netflix_store import NETFLIX, SMALL_NETFLIX, World, made_store
from harness.measuring import Side, in_turn
from harness.own_process import OwnProcess, Task
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from refeed.data.ratings import Ratings
from refeed.data.store.store import HEADER, open_store, write_store
from refeed.models import AutoEncoder


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        world: the data set; smaller ones are its first users, whose ids say nothing.
        network: of the autoencoder.
        sizes: ratings, rising; the last may be more than there are.
        batch_size: users in a batch.
    """

    world: World = NETFLIX
    network: AutoEncoder = NETWORK
    sizes: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    batch_size: int = 128


FULL = Extent()
SMALL = Extent(SMALL_NETFLIX, sizes=(500_000, 1_000_000, 2_000_000))


@dataclass(frozen=True)
class Part:
    """One of the data sets that are compared.

    Attributes:
        store: its ratings.
        ratings: how many.
        steps: batches in an epoch.
    """

    store: Path
    ratings: int
    steps: int


def measure(bench: Workbench, extent: Extent) -> Found:
    """Time for a million ratings at each size, and by how much the extremes differ.

    A round is as many steps of each size as the smallest has in an epoch, and there are as many rounds as the largest needs for
    one epoch: all sizes are measured over the same minutes, since the machine itself is faster in one minute than in another.
    """
    parts = list(_parts(bench, extent))
    steps, options = parts[0].steps, sgd(batch_size=extent.batch_size)
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for part in parts:
            task = Task("refeed", part.store, extent.network, options, steps=steps, threads=bench.threads)
            sides[f"{part.ratings:,}"] = stack.enter_context(OwnProcess(task))
        seconds = in_turn(sides, rounds=-(-parts[-1].steps // steps))
    costs = {}  # of a million ratings by size, one number a round
    for part in parts:
        epochs = np.array(seconds[f"{part.ratings:,}"]) * part.steps  # by the pace of each round
        costs[part.ratings] = Spread.of((epochs / part.ratings * 1e6).tolist())
    medians = [cost.median for cost in costs.values()]
    growth = Spread.of([100 * (max(medians) / min(medians) - 1)])
    figures = (
        Figure("time for a rating, the dearest size over the cheapest", "% more", growth, goal=20, better="below"),
        *(Figure(f"epoch over {ratings:,} ratings: a million ratings", "s", cost) for ratings, cost in costs.items()),
    )
    lines = [{"ratings": ratings, "seconds": cost.median * ratings / 1e6} for ratings, cost in costs.items()]
    return Found(figures, {"epochs": lines})


def _parts(bench: Workbench, extent: Extent) -> Iterator[Part]:
    """The data sets, each a store of its own that an earlier run may have made."""
    whole = open_store(made_store(bench, extent.world))
    for size in extent.sizes:
        store = bench.folder / f"{extent.world.store(bench).stem}-first-{size}.store"
        if not (store / HEADER).is_file():
            write_store(first_users(whole, size), store)
        ratings = open_store(store)
        yield Part(store, len(ratings), -(-int(np.count_nonzero(ratings.user_counts)) // extent.batch_size))


def first_users(ratings: Ratings, size: int) -> Ratings:
    """The first users, as many as have at least `size` ratings together (or all)."""
    users = min(int(np.searchsorted(ratings.indptr, size)), ratings.num_users)
    end = int(ratings.indptr[users])
    return replace(
        ratings,
        users=ratings.users.take(np.arange(users)),
        indptr=ratings.indptr[: users + 1],
        indices=ratings.indices[:end],
        values=ratings.values[:end],
        timestamps=None,
        labels={},
    )
