"""Tuning of the benchmark's systems: hand-picked candidates, then proposals of a search that learns from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from refeed.errors import ConfigError
from refeed.reports.extras import import_extra
from refeed.reproduce.benchmark.systems import HAND_PICKED, Candidate, System
from refeed.runs.run import Outcome, Run
from refeed.tuning.proposals import Proposals
from refeed.tuning.search import ROUND, Search, Trial, do_round
from refeed.tuning.search_spaces import change_text, option_values


@dataclass(frozen=True)
class Tuned:
    """A system and its trials.

    Attributes:
        system: the system.
        tried: the candidates: hand-picked ones, then proposals; fewer than the budget where the search proposed nothing new.
        trials: the outcome of each; empty where the system tunes itself.
    """

    system: System
    tried: tuple[Candidate, ...]
    trials: tuple[Outcome, ...]

    @property
    def chosen(self) -> int | None:
        """Index in `tried` of the lowest validation RMSE; None where all diverged."""
        return best_trial(self.trials) if self.trials else 0


def require_search(systems: Sequence[System], trials: int) -> None:
    """Check that a search is available, if this number of trials of these systems needs one.

    Raises:
        ConfigError: the `tune` extra is not installed.
    """
    if trials <= HAND_PICKED or all(system.tunes_itself for system in systems):
        return
    try:
        import_extra("optuna", extra="tune")
    except ConfigError as error:
        needed = f"Of {trials} settings that a system is tuned over, a search proposes all but the first {HAND_PICKED}"
        raise ConfigError(f"{error}\n  {needed}; --trials {HAND_PICKED} needs none.") from error


def tune_systems(
    systems: Sequence[System], *, trials: int, seed: int, run: Callable[[list[Run]], Sequence[Outcome]]
) -> list[Tuned]:
    """Try the same number of settings of every system, all systems side by side; those that tune themselves have no trials.

    Hand-picked candidates come first. Proposals then come in rounds of ROUND per system, so that they follow from the seed and
    the outcomes alone, whatever the number of workers.

    Args:
        systems: the systems to tune.
        trials: of each system, at least 1.
        seed: of all runs and of the searches.
        run: executes runs and returns their outcomes in order.

    Raises:
        ConfigError: the `tune` extra is not installed, and there are more trials than hand-picked candidates.
    """
    searches = [None if system.tunes_itself else _search(system, trials=trials, seed=seed) for system in systems]
    sizes = [min(HAND_PICKED, trials), *(min(ROUND, trials - done) for done in range(HAND_PICKED, trials, ROUND))]
    for size in sizes:
        do_round([search for search in searches if search is not None and not search.exhausted], size, run)
    return [_tuned(system, search) for system, search in zip(systems, searches, strict=True)]


def best_trial(outcomes: Sequence[Outcome]) -> int | None:
    """Index of the lowest validation RMSE, the first of equal ones; None where all diverged."""
    errors = [
        math.inf if outcome.valid_rmse is None or outcome.status == "diverged" else outcome.valid_rmse for outcome in outcomes
    ]
    best = min(range(len(errors)), key=errors.__getitem__)
    return best if math.isfinite(errors[best]) else None


def _search(system: System, *, trials: int, seed: int) -> Search:
    first_trials, space = [(candidate.spec, candidate.options) for candidate in system.candidates], system.space
    proposals = Proposals(space, sampler="tpe", seed=seed) if trials > len(first_trials) else None
    return Search(first_trials, space, proposals, name=lambda number: f"benchmark/{system.name}/trial {number + 1}", seed=seed)


def _tuned(system: System, search: Search | None) -> Tuned:
    if search is None:
        return Tuned(system, system.candidates, ())
    done = [(trial, trial.outcome) for trial in search.found if trial.outcome is not None]
    tried = tuple(_candidate(system, trial, outcome.run) for trial, outcome in done)
    return Tuned(system, tried, tuple(outcome for _, outcome in done))


def _candidate(system: System, trial: Trial, run: Run) -> Candidate:
    """The candidate of a trial: hand-picked or proposed."""
    if trial.number < len(system.candidates):
        return system.candidates[trial.number]
    first = system.candidates[0]
    return Candidate(run.spec, run.options, change_text(option_values(first.spec, first.options), trial.values))
