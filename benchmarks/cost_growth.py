"""How the time of a supervised epoch grows with the number of ratings, from 1 to 100 million."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from measuring import timed
from netflix_shaped import NETWORK, TRAINING_SEED, sgd
from netflix_store import NETFLIX, SMALL_NETFLIX, World, made_store
from own_process import apart
from refeed.data.ratings import Ratings
from refeed.data.store import open_store
from refeed.models import AutoEncoder
from refeed.training.compiled_supervision import use_loops
from refeed.training.gradient import GradientFitter
from results import Figure, Spread
from workbench import Found, Workbench


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        world: the data set; smaller ones are its first users, whose ids say nothing.
        network: of the autoencoder.
        sizes: ratings, the last may be more than there are; and how many epochs of each are measured in a round.
        rounds: in which all sizes are measured in turn, since the machine itself is faster in one minute than in another.
        batch_size: users in a batch.
        warm_up: batches before the first epoch.
    """

    world: World = NETFLIX
    network: AutoEncoder = NETWORK
    sizes: tuple[tuple[int, int], ...] = ((1_000_000, 9), (10_000_000, 2), (100_000_000, 1))
    rounds: int = 3
    batch_size: int = 128
    warm_up: int = 20


FULL = Extent()
SMALL = Extent(SMALL_NETFLIX, sizes=((500_000, 3), (1_000_000, 3), (2_000_000, 2)), rounds=2)


def measure(bench: Workbench, extent: Extent) -> Found:
    """Time for a million ratings at each size, and by how much the extremes differ."""
    store = made_store(bench, extent.world)
    per_million: dict[int, list[float]] = {}  # by ratings, one number a round
    for _ in range(extent.rounds):
        for size, epochs in extent.sizes:
            ratings, seconds = apart("refeed", train_epochs, store, size, extent, epochs, threads=bench.threads)
            per_million.setdefault(ratings, []).append(float(np.mean(seconds)) / ratings * 1e6)
    spreads = {ratings: Spread.of(costs) for ratings, costs in per_million.items()}
    medians = [spread.median for spread in spreads.values()]  # of all rounds: the extremes of one round are those of its noise
    growth = Spread.of([100 * (max(medians) / min(medians) - 1)])
    figures = (
        Figure("time for a rating, the dearest size over the cheapest", "% more", growth, goal=20, better="below"),
        *(Figure(f"epoch over {ratings:,} ratings: a million ratings", "s", spread) for ratings, spread in spreads.items()),
    )
    lines = [{"ratings": ratings, "seconds": spread.median * ratings / 1e6} for ratings, spread in spreads.items()]
    return Found(figures, {"epochs": lines})


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


def train_epochs(store: Path, size: int, extent: Extent, epochs: int) -> tuple[int, list[float]]:
    """How many ratings there are, and the seconds of each epoch after a few batches that are not counted."""
    ratings = first_users(open_store(store), size)
    options = replace(sgd(batch_size=extent.batch_size), epochs=epochs)
    model = extent.network.build(ratings.num_users, ratings.num_items, seed=TRAINING_SEED)
    compiled = use_loops("auto", extent.network.shape, options, num_columns=ratings.num_items, device="cpu")
    with closing(GradientFitter(model, ratings, options, seed=TRAINING_SEED, compiled=compiled)) as fitter:
        _train(fitter, 0, min(extent.warm_up, fitter.num_steps(0)))
        seconds = [timed(partial(_train, fitter, number, fitter.num_steps(number)))[0] for number in range(epochs)]
    return len(ratings), seconds


def _train(fitter: GradientFitter, epoch: int, steps: int) -> None:
    for step in range(steps):
        fitter.train_step(epoch, step)
