"""The paper's comparison on the ratings at hand: every system tuned as hard as the others, then tested once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from refeed.data.splits.base import Split
from refeed.errors import ConfigError
from refeed.reproduce.benchmark.systems import Candidate, System
from refeed.reproduce.benchmark.systems import systems as all_systems
from refeed.reproduce.benchmark.tuning import Tuned, require_search, tune_systems
from refeed.reproduce.scales import Scale
from refeed.runs.progress import QueueWatcher
from refeed.runs.queue import run_all
from refeed.runs.run import Outcome, Run

QUESTION = "How does the deep autoencoder do on future ratings, beside systems that were tuned as hard as it was?"


@dataclass(frozen=True)
class SystemResult:
    """What came of a system.

    Attributes:
        system: the system.
        tried: the settings that it was tuned over; see `Tuned`.
        trials: the outcome of each, of one seed, by validation part alone; none where it tunes itself.
        chosen: position in `tried` of the one with the lowest validation RMSE; None where all diverged.
        finals: the chosen one with every seed, tested; those that diverged are among them.
    """

    system: System
    tried: tuple[Candidate, ...]
    trials: tuple[Outcome, ...]
    chosen: int | None
    finals: tuple[Outcome, ...]

    @property
    def tested(self) -> tuple[Outcome, ...]:
        """The final runs that have test predictions."""
        return tuple(outcome for outcome in self.finals if outcome.status == "finished")

    @property
    def tuning_seconds(self) -> float:
        """Training time of all trials together."""
        return sum(outcome.seconds for outcome in self.trials)


@dataclass(frozen=True, eq=False)
class BenchmarkResult:
    """What came of all systems.

    Attributes:
        split: the ratings.
        scale: the budget.
        seeds: of the final runs; the first one is that of the trials.
        results: a system each, in the order of the tables.
        left_out: why a system was left out, by its title.
    """

    split: Split
    scale: Scale
    seeds: tuple[int, ...]
    results: tuple[SystemResult, ...]
    left_out: Mapping[str, str]

    @property
    def outcomes(self) -> list[Outcome]:
        """Of all trials and final runs."""
        return [outcome for result in self.results for outcome in (*result.trials, *result.finals)]


def run_benchmark(
    split: Split,
    scale: Scale,
    seeds: Sequence[int],
    folder: Path,
    *,
    workers: int,
    threads: int,
    watcher: QueueWatcher,
    systems: Sequence[System] | None = None,
) -> BenchmarkResult:
    """Tune every system on the validation part, then fit its best settings with every seed and read the test part once a fit.

    Args:
        split: the ratings.
        scale: the budget; every system gets its number of trials, but those that tune themselves, which get none.
        seeds: of the final runs, at least one; the trials take the first.
        folder: where runs are kept.
        workers: runs at a time.
        threads: CPU threads in all.
        watcher: told how it goes.
        systems: which; None takes all.

    Raises:
        ConfigError: no seed, no system that these ratings are enough for, or more trials than guesses without the `tune` extra.
        RefeedError: see `run_all`.
    """
    asked = all_systems(scale) if systems is None else tuple(systems)
    left_out = {one.title: reason for one in asked if (reason := one.reason_to_leave_out(split.train))}
    entered = [one for one in asked if one.title not in left_out]
    if not seeds or not entered:
        raise ConfigError(f"benchmark: expected a seed and a system at least, got {len(seeds)} seeds, {len(entered)} systems")
    require_search(entered, scale.trials)

    def do(runs: list[Run]) -> list[Outcome]:
        return run_all(runs, split, folder, workers=workers, threads=threads, watcher=watcher)

    tuned = tune_systems(entered, trials=scale.trials, seed=seeds[0], do=do)
    finals = [_finals(one, seeds) for one in tuned]
    outcomes = iter(do([*chain(*finals)]))
    results = [
        SystemResult(one.system, one.tried, one.trials, one.chosen, tuple(islice(outcomes, len(runs))))
        for one, runs in zip(tuned, finals, strict=True)
    ]
    return BenchmarkResult(split, scale, tuple(seeds), tuple(results), left_out)


def _finals(tuned: Tuned, seeds: Sequence[int]) -> list[Run]:
    if tuned.chosen is None:
        return []
    one = tuned.tried[tuned.chosen]
    return [Run(f"benchmark/{tuned.system.name}/seed {seed}", one.spec, one.options, seed, reads_test=True) for seed in seeds]
