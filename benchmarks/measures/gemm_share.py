"""The share of the machine's GEMM peak that the hidden layers reach, and where the rest of a training step goes.

Share = operations of the hidden layers' products, forward and backward (6 for each row and number of their matrices), over
the time from the first layer's sums to the last hidden layer and back, over the measured GEMM peak. That time includes their
activations, biases and dropout. The share of the whole step divides the same operations by the whole step's time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.netflix_shaped import TRAINING_SEED, Shape, sgd
from harness.own_process import apart
from harness.phase_clock import PHASES, Phase, PhaseClock, watched
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from measures.physical_limit import StepWork, shortest_seconds
from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.data.store.store import open_store
from refeed.models.autoencoder.compiled.supervision import CompiledSupervision, use_loops
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.steppers import RowLazyStepper
from refeed.models.common.sparse_rows import SparseRows


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        shape: ratings and network.
        batch_sizes: the last is that of the figure with a goal.
        rounds: measured steps of each batch size, without and with re-feeding.
        warm_up: steps before them.
    """

    shape: Shape = field(default_factory=Shape)
    batch_sizes: tuple[int, ...] = (128, 1024)
    rounds: int = 15
    warm_up: int = 3


FULL = Extent()
SMALL = Extent(Shape(users=4_096, ratings=856_000), rounds=5, warm_up=1)


@dataclass(frozen=True)
class Profile:
    """The phases of one kind of step.

    Attributes:
        batch_size: B.
        refeed: whether a re-feeding pass follows.
        rounds: seconds by phase of each measured step.
        limit: the shortest possible seconds by phase.
        work: of one of the steps.
    """

    batch_size: int
    refeed: bool
    rounds: list[dict[Phase, float]]
    limit: dict[Phase, float]
    work: StepWork

    @property
    def name(self) -> str:
        """The step in words."""
        return f"{'supervised + re-feeding' if self.refeed else 'supervised'} step, batch {self.batch_size:,}"

    def percent_of_limit(self) -> Spread:
        """The shortest possible time as a percentage of the measured one."""
        return Spread.of([100 * sum(self.limit.values()) / sum(seconds.values()) for seconds in self.rounds])

    def percent_of_peak(self, gemm_gflops: float, phases: tuple[Phase, ...]) -> Spread:
        """The hidden layers' operations over the time of these phases, as a percentage of the peak."""
        operations = 6 * self.batch_size * self.work.hidden_numbers
        return Spread.of(
            [100 * operations / sum(seconds[phase] for phase in phases) / (1e9 * gemm_gflops) for seconds in self.rounds]
        )

    def series(self) -> dict[str, Any]:
        """For the picture: medians in milliseconds."""
        medians = {phase: 1000 * float(np.median([seconds[phase] for seconds in self.rounds])) for phase in PHASES}
        return {"step": self.name, "ms": medians, "limit_ms": {phase: 1000 * seconds for phase, seconds in self.limit.items()}}


def measure(bench: Workbench, extent: Extent) -> Found:
    """The shares of the peak in the supervised step at the largest batch size, and the phases of all kinds of step."""
    profiles = apart("refeed", profile_all, extent, extent.shape.store(bench), bench.machine, threads=bench.threads)
    largest = profiles[len(extent.batch_sizes) - 1]
    peak = bench.machine["gemm_gflops"]
    of_hidden = largest.percent_of_peak(peak, ("hidden layers", "hidden layers, backward"))
    return Found(
        figures=(
            Figure(f"hidden layers of a {largest.name}: share of the measured GEMM peak", "%", of_hidden, goal=60),
            Figure(f"the whole {largest.name}: the same share", "%", largest.percent_of_peak(peak, PHASES)),
            *(Figure(f"{profile.name}: physical limit over time", "%", profile.percent_of_limit()) for profile in profiles),
        ),
        series={"phases": [profile.series() for profile in profiles]},
    )


def profile_all(extent: Extent, store: Path, machine: Mapping[str, Any]) -> list[Profile]:
    """Every batch size without re-feeding, then every one with it, in this process."""
    ratings = open_store(store)
    return [
        _profile(extent, ratings, machine, batch_size=batch_size, refeed=refeed)
        for refeed in (False, True)
        for batch_size in extent.batch_sizes
    ]


def _profile(extent: Extent, ratings: Ratings, machine: Mapping[str, Any], *, batch_size: int, refeed: bool) -> Profile:
    options = sgd(batch_size=batch_size, refeed_steps=int(refeed))
    network = extent.shape.network.build(ratings.num_users, ratings.num_items, seed=TRAINING_SEED).network
    stepper, clock, noise = RowLazyStepper(network, options), PhaseClock(), torch.Generator()
    takes = use_loops("auto", network.shape, options, num_columns=ratings.num_items, device="cpu")
    loops = CompiledSupervision(network, stepper, options) if takes else None
    train_batch, batches, rounds = BatchTrainer(network, options, stepper, loops), _endless_batches(ratings, batch_size), []
    with watched(network, stepper, clock, loops):
        for _ in range(extent.warm_up + extent.rounds):
            users = next(batches)
            clock.restart()
            rows = SparseRows.from_history(ratings.rows(users), torch.device("cpu"))
            train_batch.prepare(rows)
            train_batch(rows, noise)
            rounds.append(clock.seconds)
    work = StepWork(
        shape=network.shape,
        rows=batch_size,
        columns=ratings.num_items,
        entries=len(rows.columns),
        distinct=len(torch.unique(rows.columns)),
        refeed=refeed,
    )
    return Profile(batch_size, refeed, rounds[extent.warm_up :], shortest_seconds(work, machine), work)


def _endless_batches(ratings: Ratings, batch_size: int) -> Iterator[np.ndarray]:
    """Whole batches, epoch after epoch."""
    epoch = 0
    while True:
        batches = epoch_batches(ratings.user_counts, batch_size, seed=TRAINING_SEED, epoch=epoch)
        yield from (batch for batch in batches if len(batch) == batch_size)
        epoch += 1
