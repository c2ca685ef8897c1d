"""What every system of the benchmark is tuned over: guesses by hand, then what a search proposes that has learnt from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from refeed.errors import ConfigError
from refeed.reports.extras import import_extra
from refeed.reproduce.benchmark.systems import GUESSES, Candidate, System
from refeed.runs.run import Outcome, Run
from refeed.tuning.proposals import Proposals
from refeed.tuning.search import ROUND, Search, Trial, do_round
from refeed.tuning.search_spaces import change_text, option_values


@dataclass(frozen=True)
class Tuned:
    """What a system was tuned over.

    Attributes:
        system: the system.
        tried: the settings: guesses, then those that were proposed; fewer than were asked for where nothing new was proposed.
        trials: the outcome of each; none where the system tunes itself.
    """

    system: System
    tried: tuple[Candidate, ...]
    trials: tuple[Outcome, ...]

    @property
    def chosen(self) -> int | None:
        """Position in `tried` of the settings with the lowest validation RMSE; None where all diverged."""
        return best_trial(self.trials) if self.trials else 0


def require_search(systems: Sequence[System], trials: int) -> None:
    """Check that settings can be proposed, if so many trials of these systems need it.

    Raises:
        ConfigError: the `tune` extra is not installed.
    """
    if trials <= GUESSES or all(one.tunes_itself for one in systems):
        return
    try:
        import_extra("optuna", extra="tune")
    except ConfigError as error:
        needed = f"Of {trials} settings that a system is tuned over, a search proposes all but the first {GUESSES}"
        raise ConfigError(f"{error}\n  {needed}; --trials {GUESSES} does without.") from error


def tune_systems(
    systems: Sequence[System], *, trials: int, seed: int, do: Callable[[list[Run]], Sequence[Outcome]]
) -> list[Tuned]:
    """Try as many settings of every system, all systems side by side; those that tune themselves are not tuned.

    The guesses come first. What is proposed then comes in rounds of 4 a system, so that it follows from the seed and from the
    outcomes alone, whatever the number of workers.

    Args:
        systems: which.
        trials: of each system, at least 1.
        seed: of all runs and of the searches.
        do: does runs, and gives their outcomes in order.

    Raises:
        ConfigError: the `tune` extra is not installed, and there are more trials than guesses.
    """
    searches = [None if one.tunes_itself else _search(one, trials=trials, seed=seed) for one in systems]
    rounds = [min(GUESSES, trials), *(min(ROUND, trials - done) for done in range(GUESSES, trials, ROUND))]
    for wanted in rounds:
        do_round([one for one in searches if one is not None and not one.exhausted], wanted, do)
    return [_tuned(one, search) for one, search in zip(systems, searches, strict=True)]


def best_trial(outcomes: Sequence[Outcome]) -> int | None:
    """Position of the lowest validation RMSE, the first of equal ones; None where all diverged."""
    errors = [math.inf if one.valid_rmse is None or one.status == "diverged" else one.valid_rmse for one in outcomes]
    best = min(range(len(errors)), key=errors.__getitem__)
    return best if math.isfinite(errors[best]) else None


def _search(system: System, *, trials: int, seed: int) -> Search:
    given, space = [(one.spec, one.options) for one in system.candidates], system.space
    proposals = Proposals(space, sampler="tpe", seed=seed) if trials > len(given) else None
    return Search(given, space, proposals, name=lambda number: f"benchmark/{system.name}/trial {number + 1}", seed=seed)


def _tuned(system: System, search: Search | None) -> Tuned:
    if search is None:
        return Tuned(system, system.candidates, ())
    done = [(trial, trial.outcome) for trial in search.found if trial.outcome is not None]
    tried = tuple(_candidate(system, trial, outcome.run) for trial, outcome in done)
    return Tuned(system, tried, tuple(outcome for _, outcome in done))


def _candidate(system: System, trial: Trial, run: Run) -> Candidate:
    """What was tried: a guess, or what was proposed."""
    if trial.number < len(system.candidates):
        return system.candidates[trial.number]
    first = system.candidates[0]
    return Candidate(run.spec, run.options, change_text(option_values(first.spec, first.options), trial.values))
