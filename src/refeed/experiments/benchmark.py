"""The paper's comparison on the ratings at hand: every system tuned as hard as the others, then tested once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from refeed.data.split_assembly import Split
from refeed.errors import ConfigError
from refeed.experiments.queue_progress import QueueWatcher
from refeed.experiments.run import Outcome, Run
from refeed.experiments.run_queue import run_all
from refeed.experiments.scales import Scale
from refeed.experiments.systems import Candidate, System
from refeed.experiments.systems import systems as all_systems

QUESTION = "How does the deep autoencoder do on future ratings, beside systems that were tuned as hard as it was?"


@dataclass(frozen=True)
class SystemResult:
    """What came of a system.

    Attributes:
        system: the system.
        tried: the candidates that it was tuned over.
        trials: the outcome of each, of one seed, by validation part alone; none where there is one candidate only.
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
        scale: the budget; every system gets the same number of trials, but those that tune themselves, which get none.
        seeds: of the final runs, at least one; the trials take the first.
        folder: where runs are kept.
        workers: runs at a time.
        threads: CPU threads in all.
        watcher: told how it goes.
        systems: which; None takes all.

    Raises:
        ConfigError: no seed, or no system that these ratings are enough for.
        RefeedError: see `run_all`.
    """
    asked = all_systems(scale) if systems is None else tuple(systems)
    left_out = {one.title: reason for one in asked if (reason := one.reason_to_leave_out(split.train))}
    entered = [one for one in asked if one.title not in left_out]
    if not seeds or not entered:
        raise ConfigError(f"benchmark: expected a seed and a system at least, got {len(seeds)} seeds, {len(entered)} systems")

    def run(runs: list[list[Run]]) -> list[tuple[Outcome, ...]]:
        """Do lists of runs, all side by side."""
        outcomes = iter(run_all([*chain(*runs)], split, folder, workers=workers, threads=threads, watcher=watcher))
        return [tuple(islice(outcomes, len(some))) for some in runs]

    trials = run([_trials(one, scale, seeds[0]) for one in entered])
    chosen = [0 if one.tunes_itself else best_trial(outcomes) for one, outcomes in zip(entered, trials, strict=True)]
    finals = run([_finals(one, place, seeds) for one, place in zip(entered, chosen, strict=True)])
    results = map(SystemResult, entered, (one.trials(scale) for one in entered), trials, chosen, finals)
    return BenchmarkResult(split, scale, tuple(seeds), tuple(results), left_out)


def best_trial(outcomes: Sequence[Outcome]) -> int | None:
    """Position of the lowest validation RMSE, the first of equal ones; None where all diverged."""
    errors = [math.inf if one.valid_rmse is None or one.status == "diverged" else one.valid_rmse for one in outcomes]
    best = min(range(len(errors)), key=errors.__getitem__)
    return best if math.isfinite(errors[best]) else None


def _trials(system: System, scale: Scale, seed: int) -> list[Run]:
    if system.tunes_itself:
        return []
    return [
        Run(f"benchmark/{system.name}/trial {number}", one.spec, one.options, seed)
        for number, one in enumerate(system.trials(scale), 1)
    ]


def _finals(system: System, chosen: int | None, seeds: Sequence[int]) -> list[Run]:
    if chosen is None:
        return []
    one = system.candidates[chosen]
    return [Run(f"benchmark/{system.name}/seed {seed}", one.spec, one.options, seed, reads_test=True) for seed in seeds]
