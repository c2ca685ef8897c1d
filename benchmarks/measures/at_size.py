"""The whole chain at the size of the Netflix Prize over the real command line: time and peak memory of each program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from data.netflix_shaped import NETWORK, sgd
from data.netflix_store import NETFLIX, SMALL_NETFLIX, World, import_files, made_store, make_files
from harness.children import Usage, refeed_command, run
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from refeed.data.store.store import open_store
from refeed.fitted_model import HISTORIES, TRAINING
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.presets import settings_toml

MEMORY_GOAL = 4.0  # GB
OPEN_STORE = """
import sys, time
from refeed import open_store
began = time.perf_counter()
open_store(sys.argv[1])
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        world: the data set.
        network: of the autoencoder.
        batch_sizes: of the supervised epoch and of that with re-feeding.
        valid_share: of the ratings, scored after the epoch.
        test_share: of the ratings, scored by `refeed evaluate`: 1.4 million at full size.
        list_length: items recommended to each user.
        openings: how often the store is opened.
        has_goals: whether the goals, which are for the full size, apply.
    """

    world: World = NETFLIX
    network: AutoEncoder = NETWORK
    batch_sizes: tuple[int, int] = (128, 1024)
    valid_share: float = 0.01
    test_share: float = 0.014
    list_length: int = 100
    openings: int = 5
    has_goals: bool = True


FULL = Extent()
SMALL = Extent(SMALL_NETFLIX, openings=3, has_goals=False)


def measure(bench: Workbench, extent: Extent) -> Found:
    """Generate, import, open, train two epochs (each a model), evaluate, recommend to every user."""
    made = make_files(bench, extent.world)
    figures = [Figure("generate the data set in the Netflix layout", "s", _once(made.seconds))] if made else []
    figures += _program("import of the native Netflix layout", import_files(bench, extent.world), seconds=120)
    figures.append(_opening(bench, extent))
    model = bench.folder / "model-supervised"
    figures += _epoch(bench, extent, model, "one supervised epoch", batch_size=extent.batch_sizes[0], refeed=False)
    figures += _evaluation(bench, extent, model)
    figures += _lists(bench, extent, model)
    refed = bench.folder / "model-refed"
    figures += _epoch(bench, extent, refed, "one epoch with a re-feeding step", batch_size=extent.batch_sizes[1], refeed=True)
    return Found(tuple(figures if extent.has_goals else _without_goals(figures)), remarks=_remarks(extent))


def train_command(bench: Workbench, extent: Extent, store: Path, model: Path, options: TrainingOptions) -> list[str]:
    """`refeed train` of one epoch with these options on the split of this benchmark."""
    config = model.with_suffix(".toml")
    config.write_text(settings_toml(extent.network, replace(options, epochs=1)), encoding="utf-8")
    split = ["--split", "random", "--valid-share", str(extent.valid_share), "--test-share", str(extent.test_share)]
    words: list[str | Path] = [
        "train",
        store,
        "-o",
        model,
        "--config",
        config,
        *split,
        "--threads",
        str(bench.threads),
        "--overwrite",
    ]
    return refeed_command(*words)


def _opening(bench: Workbench, extent: Extent) -> Figure:
    command: list[str | Path] = [sys.executable, "-c", OPEN_STORE, made_store(bench, extent.world)]
    seconds = [float(run(command, threads=bench.threads).output) for _ in range(extent.openings)]
    return Figure("opening the store", "s", Spread.of(seconds), goal=0.2, better="below")


def _epoch(bench: Workbench, extent: Extent, model: Path, what: str, *, batch_size: int, refeed: bool) -> list[Figure]:
    """Train one epoch; its time is the training log's, without and with validation, and the whole program's."""
    options = sgd(batch_size=batch_size, refeed_steps=int(refeed))
    usage = run(train_command(bench, extent, made_store(bench, extent.world), model, options), threads=bench.threads)
    (log,) = json.loads((model / TRAINING).read_text(encoding="utf-8"))["log"]
    training = len(open_store(model / HISTORIES)) / log["ratings_per_second"]
    what = f"{what}, batch {batch_size:,}"
    return [
        Figure(f"{what}: training", "s", _once(training), goal=480 if refeed else 240, better="below"),
        Figure(f"{what}: training and validation", "s", _once(log["seconds"])),
        *_program(f"{what}: the whole program", usage, seconds=None),
    ]


def _evaluation(bench: Workbench, extent: Extent, model: Path) -> list[Figure]:
    report = bench.folder / "evaluation.json"
    report.unlink(missing_ok=True)
    store = made_store(bench, extent.world)
    words: list[str | Path] = ["evaluate", model, store, "-k", "0", "--no-baseline", "--json", report]
    usage = run(refeed_command(*words), threads=bench.threads)
    return _program("RMSE over the held-out pairs (`refeed evaluate`)", usage, seconds=40)


def _lists(bench: Workbench, extent: Extent, model: Path) -> list[Figure]:
    lists = bench.folder / "top.parquet"
    words: list[str | Path] = ["recommend", model, "--all", "-o", lists, "-k", str(extent.list_length), "--overwrite"]
    usage = run(refeed_command(*words), threads=bench.threads)
    what = f"top-{extent.list_length} of every user to Parquet"
    speed = Figure(what, "users/s", _once(extent.world.users / usage.seconds), goal=4_000)
    return [speed, *_program(what, usage, seconds=None)[1:]]


def _program(what: str, usage: Usage, *, seconds: float | None) -> list[Figure]:
    """Time and peak memory of a program."""
    return [
        Figure(what, "s", _once(usage.seconds), goal=seconds, better="below"),
        Figure(f"{what}: peak memory", "GB", _once(usage.peak_gb), goal=MEMORY_GOAL, better="below"),
    ]


def _once(value: float) -> Spread:
    return Spread.of([value])


def _without_goals(figures: Iterable[Figure]) -> list[Figure]:
    return [replace(figure, goal=None, aim=None) for figure in figures]


def _remarks(extent: Extent) -> tuple[str, ...]:
    world = extent.world
    return (
        f"{world.ratings:,} synthetic ratings of {world.users:,} users for {world.items:,} items; at random "
        f"{extent.valid_share:.1%} of them are validation and {extent.test_share:.1%} test.",
        "Peak memory counts the pages of mapped files that a program touched, which the system takes back when needed.",
    )
