"""Progress of a search."""

from __future__ import annotations

import math
import time

from typing_extensions import override

from refeed.progress import Advanced, Callback, Finished, Started
from refeed.runs.report import RunsReport
from refeed.runs.run import Outcome, Run
from refeed.runs.worker import Progressed


class TrialsReport(RunsReport):
    """Reports the result of each trial as a message, and the progress of the search.

    Args:
        progress: called with each event.
        trials: number of trials at most; None has no limit but the time.
        seconds: no trial starts later; infinite where there is no limit but the number.
    """

    def __init__(self, progress: Callback, *, trials: int | None, seconds: float) -> None:
        super().__init__(progress)
        self._trials, self._seconds = trials, seconds
        self._began, self._best = time.monotonic(), math.inf
        self._under_way: dict[str, float] = {}
        self._done_before = 0
        self._start()

    @override
    def advance(self, run: Run, progressed: Progressed) -> None:
        if self._done_before:  # these took no time, so the time that is left is estimated without them
            self._done_before = 0
            self._start()
        epoch, epochs = progressed.epoch, progressed.epochs
        self._under_way[run.name] = epoch / epochs
        status = f"{self._count}  {run.name} epoch {epoch}/{epochs}"
        self._progress(Advanced(completed=self._share, status=status))

    @override
    def finish(self, outcome: Outcome) -> None:
        self.done += 1
        self._done_before += outcome.cached
        self._under_way.pop(outcome.run.name, None)
        self.message(f"{outcome.run.name}: {self._result(outcome)}")
        self._progress(Finished(completed=self._share, status=self._count))

    def refuse(self, name: str, problem: str) -> None:
        """Report settings that the model does not take together; they count as a trial that failed."""
        self.done += 1
        self.message(f"{name}: not possible ({problem})")

    def _start(self) -> None:
        self._progress(Started(task=self._count, total=1.0, completed=self._share))

    def _result(self, outcome: Outcome) -> str:
        if outcome.status == "diverged" or outcome.valid_rmse is None:
            return f"diverged ({outcome.message})"
        verdict = "the best so far" if outcome.valid_rmse < self._best else f"best {self._best:.4f}"
        self._best = min(self._best, outcome.valid_rmse)
        took = "done before" if outcome.cached else f"{outcome.seconds:.0f} s"
        return f"validation RMSE {outcome.valid_rmse:.4f}, {took} ({verdict})"

    @property
    def _count(self) -> str:
        return f"{self.done} trials" if self._trials is None else f"{self.done}/{self._trials} trials"

    @property
    def _share(self) -> float:
        """Share of the search that is done, by the number of trials or by the time."""
        by_time = (time.monotonic() - self._began) / self._seconds
        by_trials = 0.0 if self._trials is None else (self.done + sum(self._under_way.values())) / self._trials
        return min(1.0, max(by_time, by_trials))
