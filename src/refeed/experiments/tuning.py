"""`tune`: a search of a model's options on the validation part."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from refeed.data.split_assembly import Split
from refeed.errors import ConfigError
from refeed.experiments.run import Outcome, Run
from refeed.experiments.search_spaces import Space, changed, option_values, ready_space, require_space, require_tunable
from refeed.experiments.tuning_progress import SilentTuningWatcher, TuningWatcher
from refeed.experiments.tuning_proposals import Proposal, Proposals, SamplerName
from refeed.experiments.tuning_runs import TrialRuns
from refeed.models import Spec
from refeed.training.options import TrainingOptions

TRIALS = 20
"""Number of trials of a search unless said."""

ROUND = 4  # trials that are proposed at once, and learnt from together, where there are not more workers

ATTEMPTS = 50  # proposals of what was tried already before a search says that there is nothing new

Stopped = Literal["", "time", "exhausted", "interrupted"]


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, and what came of them.

    Attributes:
        number: from 0; number 0 has the settings that the search started from.
        values: of the options that were varied.
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


@dataclass(frozen=True, eq=False)
class Tuning:
    """What came of a search.

    Attributes:
        space: what was varied.
        trials: in the order of their numbers; the one that the search started from is the first.
        importances: of the varied options, see `Proposals.importances`; empty where too few trials were done to say.
        stopped: why it ended before all trials: the "time" is over, the space is "exhausted" (nothing new is proposed), or it
            was "interrupted" by Ctrl-C; empty where it did not.
        seed: of all runs and of the search.
    """

    space: Space
    trials: tuple[Trial, ...]
    importances: Mapping[str, float]
    stopped: Stopped
    seed: int

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest validation RMSE, the first of equal ones; None where all failed."""
        ranked = self.ranked
        return ranked[0] if ranked else None

    @property
    def ranked(self) -> list[Trial]:
        """The trials that did not fail, the best first."""
        return sorted((one for one in self.trials if one.rmse is not None), key=lambda one: one.rmse or 0.0)


def tune(
    spec: Spec,
    options: TrainingOptions,
    split: Split,
    folder: Path,
    *,
    space: Space | None = None,
    trials: int | None = TRIALS,
    minutes: float | None = None,
    sampler: SamplerName = "tpe",
    seed: int = 0,
    workers: int = 1,
    threads: int = 1,
    watcher: TuningWatcher | None = None,
) -> Tuning:
    """Search the options of a model with which it has the lowest RMSE on the validation part; the test part is never read.

    Trial 0 has the options as given, so the best trial is never worse than they are. Every run is kept under `folder`/runs: the
    same call goes on where an earlier one was cut off, and more trials go on from fewer. Trials are proposed in rounds of 4 (of
    as many as there are workers, where these are more): which ones follows from the seed alone with up to 4 workers, and from
    the seed and the workers with more. The workers are new processes that import the main module, so a script calls this
    under the usual `if __name__ == "__main__":`.

    Args:
        spec: the model to start from.
        options: how it is trained, where it takes training options.
        split: the ratings.
        folder: where runs are kept; made where it is not there.
        space: what is varied; None takes what `search_spaces` has for the model's kind.
        trials: how many at most; None has no limit but `minutes`.
        minutes: no trial begins after so many minutes of this call; None has no limit but `trials`.
        sampler: see `Proposals`.
        seed: of all runs and of the search.
        workers: trials at a time, at least 1.
        threads: CPU threads in all, shared out among the workers; each has at least 1.
        watcher: told how it goes; None tells nobody.

    Returns:
        the trials, also after Ctrl-C; see `Tuning.stopped`.

    Raises:
        ConfigError: a model without a search space, options that it has not, a number out of its range, no validation ratings,
            or the `tune` extra is not installed.
        RefeedError: see `TrialRuns.run`.
    """
    _require_numbers(trials=trials, minutes=minutes, workers=workers, threads=threads)
    require_tunable(spec)
    if len(split.valid) == 0:
        raise ConfigError("tune: the split has no validation ratings to choose by; give it a validation part")
    space = ready_space(spec, options) if space is None else space
    require_space(space, spec, options)
    watcher = watcher or SilentTuningWatcher()
    search = _Search(spec, options, space, Proposals(space, sampler=sampler, seed=seed), watcher, seed=seed)
    seconds = math.inf if minutes is None else 60 * minutes
    watcher.start(trials=trials, seconds=None if minutes is None else seconds)
    size = max(ROUND, workers)
    workers = min(workers, trials or workers)
    try:
        with TrialRuns(split, folder, workers=workers, threads=max(1, threads // workers), watcher=watcher) as runs:
            stopped = search.go_on(runs, size=size, most=trials or math.inf, until=time.monotonic() + seconds)
    finally:
        watcher.stop()
    return Tuning(space, tuple(search.found), search.proposals.importances(), stopped, seed)


@dataclass
class _Asked:
    """A trial before it is done; `proposal` is None for the one that the search starts from."""

    number: int
    values: Mapping[str, Any]
    proposal: Proposal | None
    run: Run | None = None
    problem: str = ""


class _Search:
    """The trials so far, and the next ones."""

    def __init__(
        self, spec: Spec, options: TrainingOptions, space: Space, proposals: Proposals, watcher: TuningWatcher, *, seed: int
    ) -> None:
        self.proposals = proposals
        self.found: list[Trial] = []
        self._from, self._seed, self._watcher = (spec, options), seed, watcher
        values = option_values(spec, options)
        self._start = _Asked(0, {name: values[name] for name in space}, None)
        self._known = {str(self._start.values)}

    def go_on(self, runs: TrialRuns, *, size: int, most: float, until: float) -> Stopped:
        """Do rounds of `size` trials until there are `most`, and say what ended it before."""
        while (number := len(self.found)) < most:
            wanted = int(min(size, most - number))
            asked = self._ask(number, wanted)
            outcomes = iter(runs.run([one.run for one in asked if one.run is not None], until=until))
            done = [self._tell(one, None if one.run is None else next(outcomes)) for one in asked]
            self.found += [trial for trial in done if trial is not None]
            if runs.interrupted:
                return "interrupted"
            nothing_ran = all(one.run is None for one in asked)
            if None in done or (nothing_ran and time.monotonic() >= until):
                return "time"
            if len(asked) < wanted:
                return "exhausted"
        return ""

    def _ask(self, number: int, wanted: int) -> list[_Asked]:
        """The next trials; fewer where nothing new is proposed any more."""
        asked = []
        for following in range(number, number + wanted):
            one = self._start if following == 0 else self._new(following)
            if one is None:
                break
            try:
                one.run = Run(f"trial {one.number}", *changed(*self._from, one.values), self._seed)
            except ConfigError as error:
                one.problem = str(error)
                self._watcher.refuse(f"trial {one.number}", one.problem)
            asked.append(one)
        return asked

    def _new(self, number: int) -> _Asked | None:
        """A proposal that differs from all before; None where there is none."""
        for _ in range(ATTEMPTS):
            proposal = self.proposals.ask()
            known = str(dict(proposal.values))
            if known not in self._known:
                self._known.add(known)
                return _Asked(number, proposal.values, proposal)
            self.proposals.tell(proposal, None)
        return None

    def _tell(self, asked: _Asked, outcome: Outcome | None) -> Trial | None:
        """The trial; None where its run was not done."""
        if outcome is None and not asked.problem:
            return None
        problem = asked.problem
        if outcome is not None and outcome.status == "diverged":
            problem = outcome.message
        trial = Trial(asked.number, asked.values, outcome, problem)
        if asked.proposal is not None:
            self.proposals.tell(asked.proposal, trial.rmse)
        elif trial.rmse is not None:
            self.proposals.tell_unasked(asked.values, trial.rmse)
        return trial


def _require_numbers(*, trials: int | None, minutes: float | None, workers: int, threads: int) -> None:
    for name, value in (("trials", trials), ("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected at least 1, got {value}")
    if minutes is not None and not 0 < minutes < math.inf:
        raise ConfigError(f"minutes: expected above 0, got {minutes}")
    if trials is None and minutes is None:
        raise ConfigError("trials, minutes: expected one of them at least, or the search would never end")
