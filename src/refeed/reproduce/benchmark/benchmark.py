"""The paper's comparison of systems on the given ratings: all tuned with the same budget, then tested once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from refeed.data.splits.base import Split
from refeed.errors import ConfigError
from refeed.progress import Callback, silent
from refeed.reproduce.benchmark.systems import Candidate, System
from refeed.reproduce.benchmark.systems import systems as all_systems
from refeed.reproduce.benchmark.tuning import Tuned, require_search, tune_systems
from refeed.reproduce.scales import Scale
from refeed.runs.queue import run_all
from refeed.runs.run import Outcome, Run

QUESTION = "How does the deep autoencoder do on future ratings, compared with systems that are tuned with the same budget?"


@dataclass(frozen=True)
class SystemResult:
    """A system with its tuning and its final runs.

    Attributes:
        system: the system.
        tried: the candidates that were tried; see `Tuned`.
        trials: their outcomes with one seed, without the test set; empty where the system tunes itself.
        chosen: index in `tried` of the lowest validation RMSE; None where all diverged.
        finals: the outcomes of the chosen candidate with every seed, on the test set; diverged ones included.
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
    """The results of all systems.

    Attributes:
        split: the ratings.
        scale: the budget.
        seeds: of the final runs; the first one is also that of the trials.
        results: one for each system, in the order of the tables.
        left_out: the reason why a system was left out, by its title.
    """

    split: Split
    scale: Scale
    seeds: tuple[int, ...]
    results: tuple[SystemResult, ...]
    left_out: Mapping[str, str]


def run_benchmark(
    split: Split,
    scale: Scale,
    seeds: Sequence[int],
    folder: Path,
    *,
    workers: int,
    threads: int,
    progress: Callback = silent,
    systems: Sequence[System] | None = None,
) -> BenchmarkResult:
    """Tune every system on the validation set, then fit its best candidate with every seed and test each fit once.

    Args:
        split: the ratings.
        scale: the budget: the number of trials of each system; those that tune themselves have none.
        seeds: of the final runs, at least one; the trials use the first.
        folder: where runs are kept.
        workers: number of runs at a time.
        threads: number of CPU threads in all.
        progress: called with the events of the runs; see `run_all`.
        systems: the systems to compare; default: all.

    Raises:
        ConfigError: no seed, no system that these ratings suffice for, or more trials than there are hand-picked candidates
            without the `tune` extra.
        RefeedError: as `run_all` raises.
    """
    requested = all_systems(scale) if systems is None else tuple(systems)
    left_out = {system.title: reason for system in requested if (reason := system.reason_to_leave_out(split.train))}
    compared = [system for system in requested if system.title not in left_out]
    if not seeds or not compared:
        raise ConfigError(f"benchmark: expected a seed and a system at least, got {len(seeds)} seeds, {len(compared)} systems")
    require_search(compared, scale.trials)

    def run(runs: list[Run]) -> list[Outcome]:
        return run_all(runs, split, folder, workers=workers, threads=threads, progress=progress)

    tuned = tune_systems(compared, trials=scale.trials, seed=seeds[0], run=run)
    finals = [_final_runs(system, seeds) for system in tuned]
    outcomes = iter(run([*chain(*finals)]))
    results = [
        SystemResult(system.system, system.tried, system.trials, system.chosen, tuple(islice(outcomes, len(runs))))
        for system, runs in zip(tuned, finals, strict=True)
    ]
    return BenchmarkResult(split, scale, tuple(seeds), tuple(results), left_out)


def _final_runs(tuned: Tuned, seeds: Sequence[int]) -> list[Run]:
    if tuned.chosen is None:
        return []
    best, name = tuned.tried[tuned.chosen], tuned.system.name
    return [Run(f"benchmark/{name}/seed {seed}", best.spec, best.options, seed, reads_test=True) for seed in seeds]
