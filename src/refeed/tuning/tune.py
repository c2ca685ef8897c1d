"""`tune`: a search of a model's options on the validation part."""

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
"""Number of trials of a search unless said."""

Stopped = Literal["", "time", "exhausted", "interrupted"]


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
    progress: bool | Callback = False,
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
        progress: as in `train`.

    Returns:
        the trials, also after Ctrl-C; see `Tuning.stopped`.

    Raises:
        ConfigError: a model without a search space, options that it has not, a number out of its range, no validation ratings,
            or the `tune` extra is not installed.
        RefeedError: see `RunQueue.run`.
    """
    _require_numbers(trials=trials, minutes=minutes, workers=workers, threads=threads)
    require_tunable(spec)
    if len(split.valid) == 0:
        raise ConfigError("tune: the split has no validation ratings to choose by; give it a validation part")
    space = ready_space(spec, options) if space is None else space
    require_space(space, spec, options)
    proposals = Proposals(space, sampler=sampler, seed=seed)
    search = Search([(spec, options)], space, proposals, name="trial {}".format, seed=seed)
    seconds = math.inf if minutes is None else 60 * minutes
    report = TrialsReport(callback_of(progress), trials=trials, seconds=seconds)
    size = max(ROUND, workers)
    workers = min(workers, trials or workers)
    try:
        with RunQueue(split, folder, workers=workers, threads=max(1, threads // workers)) as queue:
            until = time.monotonic() + seconds
            stopped = _go_on(search, queue, report, size=size, most=trials or math.inf, until=until)
    finally:
        report.stop()
    return Tuning(space, tuple(search.found), proposals.importances(), stopped, seed)


def _go_on(search: Search, queue: RunQueue, report: TrialsReport, *, size: int, most: float, until: float) -> Stopped:
    """Do rounds of `size` trials until there are `most`, and say what ended it before."""
    while (number := len(search.found)) < most:
        asked = do_round([search], int(min(size, most - number)), partial(queue.run, report=report, until=until))
        for one in asked:
            if one.run is None:
                report.refuse(f"trial {one.number}", one.problem)
        if queue.interrupted:
            return "interrupted"
        undone = len(search.found) < number + len(asked)
        nothing_ran = all(one.run is None for one in asked)
        if undone or (nothing_ran and time.monotonic() >= until):
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
        raise ConfigError("trials, minutes: expected one of them at least, or the search would never end")
