"""Watching a search: what `tune` tells, and a display for people."""

from __future__ import annotations

import math
import time
from typing import Protocol

from rich.console import Console
from rich.progress import Progress

from refeed.reports.bars import progress_bar, times
from refeed.runs.run import Outcome, Run


class TuningWatcher(Protocol):
    """Told by `tune` how it goes."""

    def start(self, *, trials: int | None, seconds: float | None) -> None:
        """So many trials will be done, and none begins after so many seconds; at least one of the two is known."""
        ...

    def progress(self, run: Run, *, epoch: int, epochs: int) -> None:
        """`epoch` of `epochs` of a trial are done."""
        ...

    def end(self, outcome: Outcome) -> None:
        """A trial is done, or was done before."""
        ...

    def refuse(self, name: str, problem: str) -> None:
        """Settings were proposed that the model does not take together; they count as a trial that failed."""
        ...

    def stopping(self) -> None:
        """Somebody pressed Ctrl-C; the trials under way are let come to a good end."""
        ...

    def stop(self) -> None:
        """All is over, whatever the reason."""
        ...


class SilentTuningWatcher:
    """Tells nobody."""

    def start(self, *, trials: int | None, seconds: float | None) -> None:
        """Nothing."""

    def progress(self, run: Run, *, epoch: int, epochs: int) -> None:
        """Nothing."""

    def end(self, outcome: Outcome) -> None:
        """Nothing."""

    def refuse(self, name: str, problem: str) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class ConsoleTuningWatcher:
    """A line for each trial, and on a terminal a bar below them.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._trials: int | None = None
        self._seconds: float | None = None
        self._began, self._done, self._best = 0.0, 0, math.inf
        self._under_way: dict[str, float] = {}

    def start(self, *, trials: int | None, seconds: float | None) -> None:
        """Show the bar."""
        self._trials, self._seconds, self._began = trials, seconds, time.monotonic()
        if self._console.is_terminal:
            self._bar = progress_bar(self._console, *times())
            self._bar.add_task(self._count, total=1.0)
            self._bar.start()

    def progress(self, run: Run, *, epoch: int, epochs: int) -> None:
        """Move the bar."""
        self._under_way[run.name] = epoch / epochs
        self._move(f"{self._count}  {run.name} epoch {epoch}/{epochs}")

    def end(self, outcome: Outcome) -> None:
        """Say what came of the trial."""
        self._under_way.pop(outcome.run.name, None)
        if outcome.status == "diverged" or outcome.valid_rmse is None:
            self._say(f"{outcome.run.name}: diverged ({outcome.message})")
            return
        better = outcome.valid_rmse < self._best
        self._best = min(self._best, outcome.valid_rmse)
        there = ", there already" if outcome.cached else f", {outcome.seconds:.0f} s"
        verdict = "the best so far" if better else f"best {self._best:.4f}"
        self._say(f"{outcome.run.name}: validation RMSE {outcome.valid_rmse:.4f}{there} ({verdict})")

    def refuse(self, name: str, problem: str) -> None:
        """Say why there is no such trial."""
        self._say(f"{name}: cannot be ({problem})")

    def stopping(self) -> None:
        """Say that it takes a moment."""
        self._console.print("stopping: the trials under way keep their state (Ctrl-C again ends them at once) …")

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def _count(self) -> str:
        return f"{self._done} trials" if self._trials is None else f"{self._done}/{self._trials} trials"

    def _say(self, text: str) -> None:
        self._done += 1
        self._console.print(text, highlight=False)
        self._move(self._count)

    def _move(self, text: str) -> None:
        if self._bar is not None:
            shares = [0.0]
            if self._trials is not None:
                shares.append((self._done + sum(self._under_way.values())) / self._trials)
            if self._seconds is not None:
                shares.append((time.monotonic() - self._began) / self._seconds)
            self._bar.update(self._bar.task_ids[0], description=text, completed=min(1.0, max(shares)))
