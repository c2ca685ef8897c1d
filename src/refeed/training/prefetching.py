"""The next batches, made ready by another thread while a step is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Batch = TypeVar("Batch")
POLL_SECONDS = 0.05  # between looks at whether anyone still wants what does not fit into the queue


class Prefetcher(Generic[Batch]):
    """Hands out make(first), make(first + 1), … , make(count - 1), each made ahead of time.

    What is handed out does not depend on timing, and an exception of `make` is raised where its batch would have been.

    Args:
        make: a pure function of the number; it runs in another thread.
        first: number of the first batch to hand out.
        count: end of the numbers.
        ahead: batches to hold ready, at least 1.
    """

    def __init__(self, make: Callable[[int], Batch], *, first: int, count: int, ahead: int = 2) -> None:
        self.next = first
        self._make, self._count = make, count
        self._ready: Queue[tuple[Batch | None, BaseException | None]] = Queue(maxsize=ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(first,), name="refeed-prefetcher", daemon=True)
        self._thread.start()

    def take(self) -> Batch:
        """The batch of number `next`.

        Raises:
            IndexError: there are no more.
        """
        if self.next >= self._count:
            raise IndexError(f"only {self._count} batches, asked for number {self.next}")
        batch, error = self._ready.get()
        self.next += 1
        if error is not None:
            raise error
        return batch  # type: ignore[return-value]  # None only together with an error

    def close(self) -> None:
        """Stop the thread and wait for it; nothing can be taken any more."""
        self._closed.set()
        while not self._ready.empty():
            try:
                self._ready.get_nowait()
            except Empty:
                break
        self._thread.join()
        self.next = self._count

    def _run(self, first: int) -> None:
        for number in range(first, self._count):
            try:
                made = (self._make(number), None)
            except BaseException as error:
                made = (None, error)  # type: ignore[assignment]
            if not self._put(made) or made[1] is not None:
                return

    def _put(self, made: tuple[Batch | None, BaseException | None]) -> bool:
        while not self._closed.is_set():
            try:
                self._ready.put(made, timeout=POLL_SECONDS)
            except Full:
                continue
            return True
        return False
