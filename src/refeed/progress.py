"""Progress of long work: the events that it reports, and their display on a terminal, in a log, or in a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

LINE_EVERY = 5.0  # seconds between the lines of a log
UPDATE_EVERY = 0.5  # seconds between updates of a notebook
WITHIN_PART = 4  # times these are waited for within a part of the work, since its end says more


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that long work reports. Each kind of work may derive events of its own, with what programs want to know."""


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """The work starts, or goes on.

    Attributes:
        task: name of the work.
        total: amount of the whole work, above 0.
        completed: amount that was completed before.
        unit: what the amounts are counted in, in the plural; empty where that says nothing to people.
    """

    task: str
    total: float
    completed: float = 0
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Advanced(Event):
    """The work is farther than before.

    Attributes:
        completed: amount of it, up to the total.
        status: where it is; default: the amounts in their unit.
        seconds_left: until all is completed; default: by the speed so far.
    """

    completed: float
    status: str = ""
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class Finished(Advanced):
    """A part of the work is finished: an epoch, a run, a block of users.

    Attributes:
        is_notable: whether a log has a line for it, however short the time since the last one.
    """

    is_notable: bool = False


@dataclass(frozen=True, kw_only=True)
class Message(Event):
    """Something to read, whatever the display."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """The work is over, whatever the reason."""


Callback: TypeAlias = Callable[[Event], None]
"""A function that is called with each event, in the thread that does the work."""


def silent(event: Event) -> None:
    """Show nothing."""


def callback_of(progress: bool | Callback) -> Callback:
    """The callback that a public function's `progress` stands for: a display on standard error, none, or the one given."""
    if callable(progress):
        return progress
    return ConsoleProgress(Console(stderr=True)) if progress else silent


@contextmanager
def tracked(callback: Callback, task: str, *, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Report work while the `with` block lasts.

    Args:
        callback: called with the events.
        task: name of the work.
        total: units of the whole work, at least 1.
        unit: what is counted, in the plural.

    Yields:
        a function to call with the number of units completed since its last call.
    """
    completed = 0

    def advance(units: int) -> None:
        nonlocal completed
        completed += units
        callback(Finished(completed=completed))

    callback(Started(task=task, total=total, unit=unit))
    try:
        yield advance
    finally:
        callback(Stopped())


class ConsoleProgress:
    """Displays work and the time that is left: a bar on a terminal, a line that is updated in a notebook, else lines.

    Args:
        console: where to write.
        line_every: seconds between the lines where there is no terminal.
        clock: seconds since some moment.
    """

    def __init__(
        self, console: Console, *, line_every: float = LINE_EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._line_every, self._clock = console, line_every, clock
        self._display: _Bar | _Lines | None = None

    def __call__(self, event: Event) -> None:
        """Display an event."""
        match event:
            case Started() | Stopped():
                if self._display is not None:
                    self._display.close()
                self._display = self._started(event) if isinstance(event, Started) else None
            case Advanced() if self._display is not None:
                self._display.update(event, self._clock())
            case Message():
                self._console.print(event.text, highlight=False, markup=False)

    def _started(self, start: Started) -> _Bar | _Lines:
        work = _Work(start, self._clock())
        if self._console.is_jupyter:
            return _Lines(work, _notebook_line(start.task), every=UPDATE_EVERY, ends_with_last=True)
        if self._console.is_terminal:
            return _Bar(work, self._console)
        show = partial(self._console.print, highlight=False, markup=False)
        return _Lines(work, show, every=self._line_every, ends_with_last=False)


@dataclass(frozen=True)
class _Work:
    """Work since it began, in words."""

    start: Started
    began: float

    def status(self, event: Advanced) -> str:
        start = self.start
        return event.status or f"{start.task}: {event.completed:,.0f} of {start.total:,.0f} {start.unit}".rstrip()

    def speed(self, event: Advanced, now: float) -> str:
        """Units a second and the time that is left, as far as something is known of them."""
        done, spent = event.completed - self.start.completed, now - self.began
        left = event.seconds_left
        if left is None and done > 0:
            left = spent / done * (self.start.total - event.completed)
        rate = f"{done / spent:,.0f} {self.start.unit}/s" if self.start.unit and done > 0 and spent > 0 else ""
        return "  ".join(filter(None, (rate, "" if left is None else f"about {_duration(left)} left")))


class _Bar:
    """A bar that leaves nothing behind."""

    def __init__(self, work: _Work, console: Console) -> None:
        status, speed = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[speed]}", markup=False)
        columns = status, BarColumn(bar_width=None), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), speed
        self._work, self._bar = work, Progress(*columns, console=console, transient=True)
        self._task = self._bar.add_task(work.start.task, total=work.start.total, speed="")
        self._bar.update(self._task, completed=work.start.completed)
        self._bar.start()

    def update(self, event: Advanced, now: float) -> None:
        status, speed = self._work.status(event), self._work.speed(event, now)
        self._bar.update(self._task, completed=event.completed, description=status, speed=speed)

    def close(self) -> None:
        self._bar.stop()


class _Lines:
    """A line now and then; `show` writes it."""

    def __init__(self, work: _Work, show: Callable[[str], object], *, every: float, ends_with_last: bool) -> None:
        self._work, self._show, self._every, self._ends_with_last = work, show, every, ends_with_last
        self._shown_at, self._line = work.began, ""

    def update(self, event: Advanced, now: float) -> None:
        share = f"{event.completed / self._work.start.total:.0%}"
        self._line = "  ".join(filter(None, (self._work.status(event), share, self._work.speed(event, now))))
        waited = now - self._shown_at
        if isinstance(event, Finished):
            is_due = event.is_notable or waited >= self._every
        else:
            is_due = waited >= WITHIN_PART * self._every
        if is_due:
            self._shown_at = now
            self._show(self._line)

    def close(self) -> None:
        if self._ends_with_last and self._line:
            self._show(self._line)


def _notebook_line(text: str) -> Callable[[str], object]:
    """A line below the cell of a notebook; the function that replaces it."""
    from IPython.display import display  # every notebook has it

    handle = display({"text/plain": text}, raw=True, display_id=True)
    return lambda text: handle.update({"text/plain": text}, raw=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
