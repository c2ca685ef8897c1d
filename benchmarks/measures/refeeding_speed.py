"""Speed of a supervised step with one exact re-feeding step against the dense reference, each at its best batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from data.netflix_shaped import Shape, sgd
from harness.measuring import Side, in_turn
from harness.own_process import OwnProcess, SideName, Task
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from measures.step_speed import PAIRS
from refeed.models import AutoEncoder
from refeed.optim.options import PrecisionName

SIDES: Mapping[str, tuple[SideName, PrecisionName]] = {
    "refeed": ("refeed", "float32"),
    "refeed in bfloat16": ("refeed", "bfloat16"),
    "dense reference": ("dense", "float32"),
    "dense reference in bfloat16": ("dense", "bfloat16"),
}
Entrant = tuple[str, int]
"""One of SIDES at a batch size."""


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        shape: ratings and network.
        batch_sizes: among which ours finds its best.
        dense_batch_sizes: among which the dense reference finds its best.
        trial_rounds: rounds of each size in the search.
        rounds: rounds of the comparison at the best sizes, where the dense reference has its two best.
        refeed_steps: our steps in a round, beside one dense step.
        selu_last_layer: also compare with SELU on the last layer, as the original program has it by default.
    """

    shape: Shape = field(default_factory=Shape)
    batch_sizes: tuple[int, ...] = (1024, 4096, 10_240, 20_480)
    dense_batch_sizes: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096)
    trial_rounds: int = 2
    rounds: int = 7
    refeed_steps: int = 2
    selu_last_layer: bool = False


FULL = Extent()
SMALL = Extent(Shape(users=4_096, ratings=856_000), (512, 2048), (128, 512), trial_rounds=1, rounds=3)


def measure(bench: Workbench, extent: Extent) -> Found:
    """Users a second of both sides, and their ratio, for the linear last layer and for SELU on it."""
    networks = {"linear last layer": extent.shape.network}
    if extent.selu_last_layer:
        networks["SELU on the last layer"] = replace(extent.shape.network, activation_on_last_layer=True)
    figures: list[Figure] = []
    series: dict[str, Any] = {}
    for what, network in networks.items():
        comparison = _Comparison(bench, extent, network)
        series[what] = comparison.search()
        figures += _figures(comparison, series[what], what, has_goal=network is extent.shape.network)
    remark = "Each side at the batch size of its most users a second; the network with a linear last layer is that of the goal."
    return Found(tuple(figures), {"users_per_second": series}, (remark,))


@dataclass(frozen=True)
class _Comparison:
    """Both sides training one network."""

    bench: Workbench
    extent: Extent
    network: AutoEncoder

    def search(self) -> dict[str, dict[str, float]]:
        """Users a second of each side by batch size."""
        speeds: dict[str, dict[str, float]] = {name: {} for name in SIDES}
        for name, (side, _) in SIDES.items():
            for size in self.extent.dense_batch_sizes if side == "dense" else self.extent.batch_sizes:
                users = self.users_per_second([(name, size)], rounds=self.extent.trial_rounds)
                speeds[name][str(size)] = float(np.median(users[name, size]))
        return speeds

    def users_per_second(self, entrants: Sequence[Entrant], *, rounds: int) -> dict[Entrant, list[float]]:
        """Users a second of each entrant in each round."""
        store = self.extent.shape.store(self.bench)
        with ExitStack() as stack:
            tasks = {f"{name}, {size}": self._task(name, store, size) for name, size in entrants}
            sides: dict[str, Side] = {what: stack.enter_context(OwnProcess(task)) for what, task in tasks.items()}
            seconds = in_turn(sides, rounds=rounds)
        return {(name, size): [size / spent for spent in seconds[f"{name}, {size}"]] for name, size in entrants}

    def _task(self, name: str, store: Path, batch_size: int) -> Task:
        side, precision = SIDES[name]
        steps = self.extent.refeed_steps if side == "refeed" else 1
        options = sgd(batch_size=batch_size, refeed_steps=1, precision=precision)
        return Task(side, store, self.network, options, steps=steps, threads=self.bench.threads)


def _figures(
    comparison: _Comparison, speeds: Mapping[str, Mapping[str, float]], what: str, *, has_goal: bool
) -> tuple[Figure, ...]:
    """The comparison at each side's best batch size; that of the dense reference is the better of the search's best two."""
    ranked = {name: sorted(speeds[name], key=speeds[name].__getitem__, reverse=True) for name in SIDES}
    entrants = [(name, int(size)) for name in SIDES for size in ranked[name][: 2 if SIDES[name][0] == "dense" else 1]]
    measured = comparison.users_per_second(entrants, rounds=comparison.extent.rounds)
    best = dict(sorted(entrants, key=lambda entrant: float(np.median(measured[entrant]))))  # the last of a name stays
    users = {name: measured[name, size] for name, size in best.items()}
    at = f"supervised + re-feeding step, {what}"
    goal, aim = (12.0, 25.0) if has_goal else (None, None)
    return (
        *(
            Figure(
                f"{at}: speed of {name} against the {other}",
                "times",
                Spread.of_ratio(users[name], users[other]),
                goal=goal if is_fair else None,
                aim=aim if is_fair else None,
            )
            for name, other, is_fair in PAIRS
        ),
        *(Figure(f"{at}: {name}, batch {best[name]:,}", "users/s", Spread.of(users[name])) for name in SIDES),
    )
