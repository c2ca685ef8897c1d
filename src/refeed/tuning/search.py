"""The next trials of a search, and what it learns from them: the same for `tune` and for the benchmark."""

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

ATTEMPTS = 50  # proposals of what was tried already before a search says that there is nothing new

Settings: TypeAlias = tuple[Spec, TrainingOptions]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of them.

    Attributes:
        number: from 0; number 0 has the settings that the search started from.
        values: of the options that are varied.
        outcome: of the run; None where the model does not take these values together.
        problem: why it failed; empty where it did not.
    """

    number: int
    values: Mapping[str, Any]
    outcome: Outcome | None
    problem: str = ""

    @property
    def rmse(self) -> float | None:
        """On the validation part, at the best epoch; None where the trial failed."""
        return None if self.outcome is None or self.problem else self.outcome.valid_rmse


@dataclass(frozen=True)
class Asked:
    """A trial before it is done.

    Attributes:
        number: see `Trial`.
        values: see `Trial`.
        run: to do; None where the model does not take these values together.
        problem: why it does not; empty where it does.
        proposal: that it came from; None where its settings were given.
    """

    number: int
    values: Mapping[str, Any]
    run: Run | None
    problem: str = ""
    proposal: Proposal | None = None


class Search:
    """The trials of one model so far, and the next ones: first those that are given, then what is proposed.

    Args:
        given: settings to try first, at least one; the search starts from the first.
        space: what is varied of the first.
        proposals: of that space; None where only the given settings are to be tried.
        name: of the run of a trial, by its number.
        seed: of all runs.

    Attributes:
        found: the trials that were done, in the order of their numbers.
        exhausted: whether fewer trials were there than were asked for, because nothing new is proposed any more.
    """

    def __init__(
        self, given: Sequence[Settings], space: Space, proposals: Proposals | None, *, name: Callable[[int], str], seed: int
    ) -> None:
        self.found: list[Trial] = []
        self.exhausted = False
        self._given, self._space, self._proposals = given, space, proposals
        self._name, self._seed = name, seed
        self._known = {self._key(self._values(one)) for one in given if self._lies_in_space(one)}

    def ask(self, wanted: int) -> list[Asked]:
        """The next trials; fewer where nothing new is proposed any more."""
        asked = []
        for number in range(len(self.found), len(self.found) + wanted):
            one = self._given_one(number) if number < len(self._given) else self._new(number)
            if one is None:
                self.exhausted = True
                break
            asked.append(one)
        return asked

    def tell(self, asked: Asked, outcome: Outcome | None) -> None:
        """What came of a trial; None where there was no run to do, or it was not done."""
        if outcome is None and not asked.problem:
            return
        problem = asked.problem
        if outcome is not None and outcome.status == "diverged":
            problem = outcome.message
        trial = Trial(asked.number, asked.values, outcome, problem)
        self.found.append(trial)
        if self._proposals is None:
            return
        if asked.proposal is not None:
            self._proposals.tell(asked.proposal, trial.rmse)
        elif trial.rmse is not None and self._lies_in_space(self._given[asked.number]):
            self._proposals.add_observation(asked.values, trial.rmse)

    def _given_one(self, number: int) -> Asked:
        settings = self._given[number]
        return Asked(number, self._values(settings), Run(self._name(number), *settings, self._seed))

    def _new(self, number: int) -> Asked | None:
        """A proposal that differs from all before; None where there is none."""
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

    def _proposed(self, number: int, proposal: Proposal) -> Asked:
        try:
            run = Run(self._name(number), *changed(*self._given[0], proposal.values), self._seed)
        except ConfigError as error:
            return Asked(number, proposal.values, None, str(error), proposal)
        return Asked(number, proposal.values, run, "", proposal)

    def _values(self, settings: Settings) -> dict[str, Any]:
        known = option_values(*settings)
        return {name: known[name] for name in self._space}

    def _lies_in_space(self, settings: Settings) -> bool:
        """Whether they differ from the first in nothing but what is varied, so that something is learnt from them."""
        first, other = option_values(*self._given[0]), option_values(*settings)
        return all(other[name] == value for name, value in first.items() if name not in self._space)

    def _key(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Equal for equal settings."""
        return tuple(value_text(values[name]) for name in self._space)


def do_round(searches: Sequence[Search], wanted: int, do: Callable[[list[Run]], Sequence[Outcome | None]]) -> list[Asked]:
    """Do the next trials of all the searches side by side, and let each search learn from its own.

    Args:
        searches: which.
        wanted: trials of each, at most.
        do: does runs, and gives their outcomes in order; None for one that was not done, which then is no trial.

    Returns:
        what was asked for, search by search.
    """
    asked = [one.ask(wanted) for one in searches]
    outcomes = iter(do([one.run for some in asked for one in some if one.run is not None]))
    for search, some in zip(searches, asked, strict=True):
        for one in some:
            search.tell(one, None if one.run is None else next(outcomes))
    return [one for some in asked for one in some]
