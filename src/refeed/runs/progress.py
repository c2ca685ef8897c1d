"""Watching many runs: what the queue tells, and a display for people."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from refeed.reports.bars import progress_bar
from refeed.runs.run import Outcome, Run

PLAIN_LINE_EVERY = 10.0  # seconds between lines where there is no terminal


class QueueWatcher(Protocol):
    """Told by `run_all` how it goes."""

    def start(self, runs: Sequence[Run], *, workers: int) -> None:
        """These runs are to be done, so many at a time."""
        ...

    def progress(self, run: Run, *, epoch: int, epochs: int, seconds: float | None) -> None:
        """`epoch` of `epochs` of a run are done, the last one in so many seconds (None: it was only begun or taken up)."""
        ...

    def end(self, outcome: Outcome) -> None:
        """A run is done."""
        ...

    def stopping(self) -> None:
        """Somebody pressed Ctrl-C; the runs under way are let come to a good end."""
        ...

    def stop(self) -> None:
        """All is over, whatever the reason."""
        ...


class SilentQueueWatcher:
    """Tells nobody."""

    def start(self, runs: Sequence[Run], *, workers: int) -> None:
        """Nothing."""

    def progress(self, run: Run, *, epoch: int, epochs: int, seconds: float | None) -> None:
        """Nothing."""

    def end(self, outcome: Outcome) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


@dataclass
class _Pace:
    """How far a run is, and what its epochs took here."""

    left: int
    timed: int = 0
    seconds: float = 0.0


class RemainingTime:
    """An estimate from the epochs done so far.

    What an epoch of a run takes is known from its own epochs, else from those of a run that differs in nothing but the seed,
    else it is the mean over all runs that have begun.

    Args:
        runs: to be done.
        workers: at a time.
    """

    def __init__(self, runs: Sequence[Run], *, workers: int) -> None:
        self._workers = workers
        self._paces = {_key(run): _Pace(run.epochs) for run in runs}

    def progress(self, run: Run, *, epoch: int, epochs: int, seconds: float | None) -> None:
        """Note that `epoch` of `epochs` are done."""
        pace = self._paces[_key(run)]
        pace.left = epochs - epoch
        if seconds is not None:
            pace.timed, pace.seconds = pace.timed + 1, pace.seconds + seconds

    def end(self, run: Run) -> None:
        """Note that a run is done."""
        self._paces[_key(run)].left = 0

    @property
    def share_done(self) -> float:
        """Of the work, 0 to 1; 0 as long as nothing is known."""
        left, done = self._work_left(), sum(pace.seconds for pace in self._paces.values())
        return 0.0 if left is None or done + sum(left) == 0 else done / (done + sum(left))

    @property
    def seconds(self) -> float | None:
        """Until all is done; None as long as no epoch is."""
        left = self._work_left()
        return None if left is None else max(sum(left) / self._workers, *left)

    def _work_left(self) -> list[float] | None:
        """Seconds of work that are left of each run."""
        timed = [pace for pace in self._paces.values() if pace.timed]
        if not timed:
            return None
        mean = sum(pace.seconds / pace.timed for pace in timed) / len(timed)
        like = {recipe: pace.seconds / pace.timed for (recipe, _), pace in self._paces.items() if pace.timed}
        return [
            pace.left * (pace.seconds / pace.timed if pace.timed else like.get(recipe, mean))
            for (recipe, _), pace in self._paces.items()
        ]


class ConsoleQueueWatcher:
    """A bar with the runs done and the remaining time on a terminal, a line every few seconds elsewhere.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._total, self._done, self._told = 0, 0, 0.0
        self._remaining = RemainingTime([], workers=1)

    def start(self, runs: Sequence[Run], *, workers: int) -> None:
        """Show the bar."""
        self._total, self._done, self._told = len(runs), 0, time.monotonic()
        self._remaining = RemainingTime(runs, workers=workers)
        if self._console.is_terminal:
            self._bar = progress_bar(self._console, TimeElapsedColumn(), TextColumn("{task.fields[left]}"))
            self._bar.add_task(f"0/{self._total} runs", total=1.0, left="")
            self._bar.start()

    def progress(self, run: Run, *, epoch: int, epochs: int, seconds: float | None) -> None:
        """Move the bar, or say a line when the last one is long ago."""
        self._remaining.progress(run, epoch=epoch, epochs=epochs, seconds=seconds)
        self._show(f"{run.name} epoch {epoch}/{epochs}")

    def end(self, outcome: Outcome) -> None:
        """Say how a run ended."""
        self._done += 1
        self._remaining.end(outcome.run)
        if outcome.status == "diverged":
            self._console.print(f"{outcome.run.name}: diverged ({outcome.message})", highlight=False)
        self._show(f"{outcome.run.name} done")

    def stopping(self) -> None:
        """Say that it takes a moment."""
        self._console.print("stopping: the runs under way keep their state (Ctrl-C again ends them at once) …", highlight=False)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self, what: str) -> None:
        text = f"{self._done}/{self._total} runs"
        left = "" if not self._remaining.seconds else f"about {_duration(self._remaining.seconds)} left"
        if self._bar is not None:
            task = self._bar.task_ids[0]
            self._bar.update(task, description=f"{text}  {what}", completed=self._remaining.share_done, left=left)
            return
        now = time.monotonic()
        if now - self._told >= PLAIN_LINE_EVERY or self._done == self._total:
            self._told = now
            self._console.print(f"{text}  {what}  {left}".rstrip(), highlight=False)


def _key(run: Run) -> tuple[str, int]:
    """What a run is but for its seed, and the seed."""
    described = run.to_dict()
    return str({name: value for name, value in described.items() if name != "seed"}), run.seed


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
