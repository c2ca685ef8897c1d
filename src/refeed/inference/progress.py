"""Telling how far a pass over many users is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Shows how far long work is while its `with` block lasts."""

    def __call__(self, task: str, *, total: int, unit: str) -> AbstractContextManager[Callable[[int], None]]:
        """What to call with the number of units done since the last call.

        Args:
            task: what is done, for people.
            total: units of the whole work, at least 1.
            unit: what is counted, in the plural.
        """
        ...


@contextmanager
def silent(task: str, *, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows nothing."""
    yield lambda done: None
