"""Watching a run: what the loop tells, and a display for people."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress, TaskID

from refeed.reports.bars import progress_bar, times

PLAIN_LINE_EVERY = 5.0  # seconds between lines where there is no terminal
PLAIN_LINE_WITHIN_EPOCH = 20.0  # and between those within an epoch


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of the training log.

    Attributes:
        epoch: from 1.
        train_rmse: over the epoch's ratings, each before the update it caused, dropout on, not clipped.
        refeed_loss: mean loss of the re-feeding passes, None without.
        valid_rmse: on the validation part after the epoch, clipped to the scale; None without a validation part.
        learning_rate: at the start of the epoch, None where there is none.
        seconds: spent on training and validation.
        ratings_per_second: training ratings a second, without validation.
    """

    epoch: int
    train_rmse: float
    refeed_loss: float | None
    valid_rmse: float | None
    learning_rate: float | None
    seconds: float
    ratings_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)


class TrainingWatcher(Protocol):
    """Told by the loop how a run goes."""

    def announce(self, what: str) -> None:
        """What is trained next, where it is one of several models; its run starts then."""
        ...

    def start(self, *, epoch: int, epochs: int, steps: int) -> None:
        """The run starts (or goes on) at `epoch`, from 0, of `epochs`, each of `steps` steps."""
        ...

    def step(self, *, epoch: int, step: int, train_rmse: float) -> None:
        """A step is done: `step` of this epoch, from 1, with the RMSE of the epoch so far."""
        ...

    def epoch(self, record: EpochRecord, *, is_best: bool) -> None:
        """An epoch is done."""
        ...

    def stop(self) -> None:
        """The run is over, whatever the reason."""
        ...


class SilentWatcher:
    """Tells nobody."""

    def announce(self, what: str) -> None:
        """Nothing."""

    def start(self, *, epoch: int, epochs: int, steps: int) -> None:
        """Nothing."""

    def step(self, *, epoch: int, step: int, train_rmse: float) -> None:
        """Nothing."""

    def epoch(self, record: EpochRecord, *, is_best: bool) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


class ConsoleWatcher:
    """A bar with speed and remaining time on a terminal, a line every few seconds elsewhere.

    Args:
        console: where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._epochs, self._steps, self._first, self._began, self._told = 0, 0, 0, 0.0, 0.0
        self._first_step: int | None = None  # done before the first step of this run that was told
        self._best: float | None = None

    def announce(self, what: str) -> None:
        """Say it."""
        self._console.print(what, highlight=False, markup=False)

    def start(self, *, epoch: int, epochs: int, steps: int) -> None:
        """Show the bar."""
        self._epochs, self._steps, self._first = epochs, steps, epoch
        self._began = self._told = time.monotonic()
        self._first_step, self._best = None, None
        if self._console.is_terminal:
            self._bar = progress_bar(self._console, *times())
            self._task = self._bar.add_task("training", total=epochs * steps, completed=epoch * steps)
            self._bar.start()

    def step(self, *, epoch: int, step: int, train_rmse: float) -> None:
        """Move the bar, or say a line when the last one is long ago."""
        done = epoch * self._steps + step
        if self._first_step is None:
            self._first_step = done - 1
        text = f"epoch {epoch + 1}/{self._epochs}  train {train_rmse:.4f}  best valid {self._best_text()}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=text)
            return
        now = time.monotonic()
        if now - self._told >= PLAIN_LINE_WITHIN_EPOCH and step < self._steps:
            self._told = now
            left = (now - self._began) / (done - self._first_step) * (self._epochs * self._steps - done)
            self._console.print(f"{text}  {step / self._steps:.0%} of the epoch, about {left:.0f} s left", highlight=False)

    def epoch(self, record: EpochRecord, *, is_best: bool) -> None:
        """Show the epoch: on the bar, or as a line when the last one is some seconds old."""
        if is_best:
            self._best = record.valid_rmse
        now = time.monotonic()
        last = record.epoch == self._epochs
        if self._bar is None and (now - self._told >= PLAIN_LINE_EVERY or record.epoch == self._first + 1 or last):
            self._told = now
            left = (now - self._began) / (record.epoch - self._first) * (self._epochs - record.epoch)
            valid = "" if record.valid_rmse is None else f"  valid {record.valid_rmse:.4f} (best {self._best_text()})"
            self._console.print(
                f"epoch {record.epoch}/{self._epochs}  train {record.train_rmse:.4f}{valid}"
                f"  {record.ratings_per_second:,.0f} ratings/s  about {left:.0f} s left",
                highlight=False,
            )

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def _best_text(self) -> str:
        return "-" if self._best is None else f"{self._best:.4f}"
