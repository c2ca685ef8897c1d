"""Showing how far long work is: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.text import Text

from refeed.reports.bars import progress_bar, times

PLAIN_LINE_EVERY = 5.0  # seconds


@contextmanager
def progress(console: Console, task: str, *, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """What to call with the number of units done since the last call, while `total` of them are being done.

    Args:
        console: where to show it.
        task: what is done, for people.
        total: units of the whole work, at least 1.
        unit: what is counted, in the plural.
    """
    if not console.is_terminal:
        yield _plain_lines(console, task, total=total, unit=unit)
        return
    with progress_bar(console, _Rate(unit), *times()) as bar:
        work = bar.add_task(task, total=total)
        yield lambda done: bar.advance(work, done)


class _Rate(ProgressColumn):
    """Units a second, over the last half minute.

    Args:
        unit: what is counted, in the plural.
    """

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} {self._unit}/s")


def _plain_lines(console: Console, task: str, *, total: int, unit: str) -> Callable[[int], None]:
    began = told = time.monotonic()
    so_far = 0

    def advance(done: int) -> None:
        nonlocal told, so_far
        so_far += done
        now = time.monotonic()
        if now - told >= PLAIN_LINE_EVERY:
            told = now
            rate = so_far / (now - began)
            console.print(
                f"{task}: {so_far:,} of {total:,} {unit} ({so_far / total:.0%}), {rate:,.0f} a second, "
                f"about {(total - so_far) / rate:.0f} s left"
            )

    return advance
