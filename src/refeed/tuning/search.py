"""A search over the options of a model: its next trials, and what it learns from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from refeed.errors import ConfigError
from refeed.models import Spec
from refeed.optim.options import TrainingOptions
from refeed.runs.run import Outcome, Run
from refeed.tuning.proposals import Proposal, Proposals
from refeed.tuning.search_spaces import Space, changed, option_values, value_text

ROUND = 4
"""Trials that a search proposes at once, and learns from together."""

ATTEMPTS = 50  # proposals of settings that were tried before, until a search is exhausted

Settings: TypeAlias = tuple[Spec, TrainingOptions]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, with their outcome.

    Attributes:
        number: from 0; trial 0 has the settings that the search started from.
        values: of the varied options.
        outcome: of the run; None where the model does not accept these values together.
        problem: why the trial failed; empty where it did not.
    """

    number: int
    values: Mapping[str, Any]
    outcome: Outcome | None
    problem: str = ""

    @property
    def rmse(self) -> float | None:
        """RMSE on the validation set, at the best epoch; None where the trial failed."""
        return None if self.outcome is None or self.problem else self.outcome.valid_rmse


@dataclass(frozen=True)
class PendingTrial:
    """A trial before its run.

    Attributes:
        number: as of `Trial`.
        values: as of `Trial`.
        run: to do; None where the model does not accept these values together.
        problem: why it does not; empty where it does.
        proposal: of its settings; None where they were given.
    """

    number: int
    values: Mapping[str, Any]
    run: Run | None
    problem: str = ""
    proposal: Proposal | None = None


class Search:
    """The trials of a model: first with given settings, then with proposed ones.

    Args:
        given: settings to try first, at least one; the search starts from the first.
        space: the options of the first that are varied.
        proposals: in that space; None tries the given settings only.
        name: of the run of a trial, by its number.
        seed: of all runs.

    Attributes:
        found: the trials that are done, in the order of their numbers.
        exhausted: whether fewer trials were left than requested, because no new settings are proposed any more.
    """

    def __init__(
        self, given: Sequence[Settings], space: Space, proposals: Proposals | None, *, name: Callable[[int], str], seed: int
    ) -> None:
        self.found: list[Trial] = []
        self.exhausted = False
        self._given, self._space, self._proposals = given, space, proposals
        self._name, self._seed = name, seed
        self._known = {self._key(self._values(settings)) for settings in given if self._lies_in_space(settings)}

    def ask(self, number_of_trials: int) -> list[PendingTrial]:
        """Return the next trials; fewer where no new settings are proposed any more."""
        pending = []
        for number in range(len(self.found), len(self.found) + number_of_trials):
            trial = self._given_trial(number) if number < len(self._given) else self._new_trial(number)
            if trial is None:
                self.exhausted = True
                break
            pending.append(trial)
        return pending

    def tell(self, pending: PendingTrial, outcome: Outcome | None) -> None:
        """Add the outcome of a trial; None where there was no run to do, or it was not done."""
        if outcome is None and not pending.problem:
            return
        problem = pending.problem
        if outcome is not None and outcome.status == "diverged":
            problem = outcome.message
        trial = Trial(pending.number, pending.values, outcome, problem)
        self.found.append(trial)
        if self._proposals is None:
            return
        if pending.proposal is not None:
            self._proposals.tell(pending.proposal, trial.rmse)
        elif trial.rmse is not None and self._lies_in_space(self._given[pending.number]):
            self._proposals.add_observation(pending.values, trial.rmse)

    def _given_trial(self, number: int) -> PendingTrial:
        settings = self._given[number]
        return PendingTrial(number, self._values(settings), Run(self._name(number), *settings, self._seed))

    def _new_trial(self, number: int) -> PendingTrial | None:
        """A trial with settings that no other one has; None where none are proposed."""
        if self._proposals is None:
            return None
        for _ in range(ATTEMPTS):
            proposal = self._proposals.ask()
            key = self._key(proposal.values)
            if key not in self._known:
                self._known.add(key)
                return self._proposed(number, proposal)
            self._proposals.tell(proposal, None)
        return None

    def _proposed(self, number: int, proposal: Proposal) -> PendingTrial:
        try:
            run = Run(self._name(number), *changed(*self._given[0], proposal.values), self._seed)
        except ConfigError as error:
            return PendingTrial(number, proposal.values, None, str(error), proposal)
        return PendingTrial(number, proposal.values, run, "", proposal)

    def _values(self, settings: Settings) -> dict[str, Any]:
        known = option_values(*settings)
        return {name: known[name] for name in self._space}

    def _lies_in_space(self, settings: Settings) -> bool:
        """Whether settings differ from the first ones in the varied options alone, so that something is learnt from them."""
        first, other = option_values(*self._given[0]), option_values(*settings)
        return all(other[name] == value for name, value in first.items() if name not in self._space)

    def _key(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Equal for equal settings."""
        return tuple(value_text(values[name]) for name in self._space)


def do_round(
    searches: Sequence[Search], number_of_trials: int, run: Callable[[list[Run]], Sequence[Outcome | None]]
) -> list[PendingTrial]:
    """Do the next trials of all searches in parallel, and let each search learn from its own.

    Args:
        searches: the searches.
        number_of_trials: of each search, at most.
        run: does runs and returns their outcomes in order; None for a run that was not done, which then is no trial.

    Returns:
        the requested trials, search by search.
    """
    rounds = [search.ask(number_of_trials) for search in searches]
    outcomes = iter(run([trial.run for trials in rounds for trial in trials if trial.run is not None]))
    for search, trials in zip(searches, rounds, strict=True):
        for trial in trials:
            search.tell(trial, None if trial.run is None else next(outcomes))
    return [trial for trials in rounds for trial in trials]
