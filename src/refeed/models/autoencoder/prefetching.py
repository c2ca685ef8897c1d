"""Batches prepared by another thread while a step is running."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class Prefetcher(Generic[Batch]):
    """Yields make(first), make(first + 1), … , make(count - 1), each computed ahead of time.

    The result does not depend on timing, and an exception of `make` is raised in place of its batch.

    Args:
        make: a pure function of the number; it runs in another thread.
        first: number of the first batch.
        count: end of the numbers.
        ahead: batches to hold ready besides the one being computed, at least 0.
    """

    def __init__(self, make: Callable[[int], Batch], *, first: int, count: int, ahead: int = 2) -> None:
        self.next = first
        self._make, self._count, self._numbers = make, count, iter(range(first, count))
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="refeed-prefetcher")
        self._coming: deque[Future[Batch]] = deque()
        for _ in range(ahead + 1):
            self._make_next()

    @property
    def is_over(self) -> bool:
        """Whether all batches were taken."""
        return self.next >= self._count

    def take(self) -> Batch:
        """The batch of number `next`.

        Raises:
            IndexError: there are no more.
        """
        if self.is_over:
            raise IndexError(f"there are only {self._count} batches, and number {self.next} was requested")
        batch = self._coming.popleft()
        self._make_next()
        self.next += 1
        return batch.result()

    def close(self) -> None:
        """Stop the thread and wait for it; no batch can be taken afterwards."""
        self._worker.shutdown(cancel_futures=True)
        self.next = self._count

    def _make_next(self) -> None:
        number = next(self._numbers, None)
        if number is not None:
            self._coming.append(self._worker.submit(self._make, number))
