"""The bar that all long work shows on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(console: Console, *columns: ProgressColumn) -> Progress:
    """What is done, a bar, its percentage, and then these columns; it leaves nothing behind when it is stopped."""
    first = (TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.percentage:>3.0f}%"))
    return Progress(*first, *columns, console=console, transient=True)


def times() -> tuple[ProgressColumn, ...]:
    """Columns for the time that has gone and the time that is left."""
    return TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()
