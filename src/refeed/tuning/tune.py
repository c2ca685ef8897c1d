"""`tune`: a search over a model's options on the validation set."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from refeed.data.splits.base import Split
from refeed.errors import ConfigError
from refeed.models import Spec
from refeed.optim.options import TrainingOptions
from refeed.progress import Callback, callback_of
from refeed.runs.queue import RunQueue
from refeed.tuning.proposals import Proposals, SamplerName
from refeed.tuning.report import TrialsReport
from refeed.tuning.search import ROUND, Search, Trial, do_round
from refeed.tuning.search_spaces import Space, ready_space, require_space, require_tunable

TRIALS = 20
"""Default number of trials of a search."""

Stopped = Literal["", "time", "exhausted", "interrupted"]


@dataclass(frozen=True, eq=False)
class Tuning:
    """The result of a search.

    Attributes:
        space: the options that were varied.
        trials: in the order of their numbers; the first one has the settings that the search started from.
        importances: of the varied options, as of `Proposals.importances`; empty after too few trials.
        stopped: why it ended before all trials: the "time" is over, the space is "exhausted" (no new settings are proposed), or
            it was "interrupted" by Ctrl-C; empty where all trials were done.
        seed: of all runs and of the search.
    """

    space: Space
    trials: tuple[Trial, ...]
    importances: Mapping[str, float]
    stopped: Stopped
    seed: int

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest validation RMSE, of equal ones the first; None where all failed."""
        ranked = self.ranked
        return ranked[0] if ranked else None

    @property
    def ranked(self) -> list[Trial]:
        """The trials that did not fail, the best first."""
        return sorted((trial for trial in self.trials if trial.rmse is not None), key=lambda trial: trial.rmse or 0.0)


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
    progress: bool | Callback = False,
) -> Tuning:
    """Search the options of a model with the lowest RMSE on the validation set; the test set is never read.

    Trial 0 has the given options, so the best trial is never worse than they are. Every run is kept under `folder`/runs: the
    same call continues an interrupted search, and more trials extend it. Trials are proposed in rounds of 4, or as many as
    there are workers, if these are more: up to 4 workers do not change which ones. The workers are new processes that import
    the main module, so a script calls this under the usual `if __name__ == "__main__":`.

    Args:
        spec: the model to start from.
        options: how it is trained, where it has training options.
        split: the ratings.
        folder: where runs are kept; it is created if necessary.
        space: the options to vary; default: the space of the model's kind in `search_spaces`.
        trials: number of trials at most; None has no limit but `minutes`.
        minutes: no trial starts later in this call; None has no limit but `trials`.
        sampler: as of `Proposals`.
        seed: of all runs and of the search.
        workers: number of trials at a time, at least 1.
        threads: number of CPU threads in all, shared among the workers; each has at least 1.
        progress: as in `train`.

    Returns:
        the trials, also after Ctrl-C (`Tuning.stopped`).

    Raises:
        ConfigError: a model without a search space, unknown options, a number out of its range, no validation ratings, or the
            `tune` extra is not installed.
        RefeedError: as of `RunQueue.run`.
    """
    _require_numbers(trials=trials, minutes=minutes, workers=workers, threads=threads)
    require_tunable(spec)
    if len(split.valid) == 0:
        raise ConfigError("tune: the split has no validation ratings to choose by; give it a validation set")
    space = ready_space(spec, options) if space is None else space
    require_space(space, spec, options)
    proposals = Proposals(space, sampler=sampler, seed=seed)
    search = Search([(spec, options)], space, proposals, name="trial {}".format, seed=seed)
    seconds = math.inf if minutes is None else 60 * minutes
    workers = min(workers, trials or workers)
    report = TrialsReport(callback_of(progress), trials=trials, seconds=seconds)
    try:
        with RunQueue(split, folder, workers=workers, threads=max(1, threads // workers)) as queue:
            limits = _Limits(trials or math.inf, until=time.monotonic() + seconds, round_size=max(ROUND, workers))
            stopped = _search(search, queue, report, limits)
    finally:
        report.stop()
    return Tuning(space, tuple(search.found), proposals.importances(), stopped, seed)


@dataclass(frozen=True)
class _Limits:
    """Limits of a search.

    Attributes:
        trials: number of trials.
        until: no trial starts later, in seconds of `time.monotonic`.
        round_size: number of trials of a round.
    """

    trials: float
    until: float
    round_size: int


def _search(search: Search, queue: RunQueue, report: TrialsReport, limits: _Limits) -> Stopped:
    """Do rounds of trials up to the limits, and return which of them ended the search."""
    while (number := len(search.found)) < limits.trials:
        size = int(min(limits.round_size, limits.trials - number))
        pending = do_round([search], size, partial(queue.run, report=report, until=limits.until))
        for trial in pending:
            if trial.run is None:
                report.refuse(f"trial {trial.number}", trial.problem)
        if queue.interrupted:
            return "interrupted"
        undone = len(search.found) < number + len(pending)
        nothing_ran = all(trial.run is None for trial in pending)
        if undone or (nothing_ran and time.monotonic() >= limits.until):
            return "time"
        if search.exhausted:
            return "exhausted"
    return ""


def _require_numbers(*, trials: int | None, minutes: float | None, workers: int, threads: int) -> None:
    for name, value in (("trials", trials), ("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: expected at least 1, got {value}")
    if minutes is not None and not 0 < minutes < math.inf:
        raise ConfigError(f"minutes: expected above 0, got {minutes}")
    if trials is None and minutes is None:
        raise ConfigError("trials, minutes: expected at least one of them, or the search would never end")
