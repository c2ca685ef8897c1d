"""Work done by other threads while the caller uses what is ready."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 4  # each holds a part of the data


def prefetched(items: Iterator[T]) -> Iterator[T]:
    """The items, each made by another thread while the caller uses the one before it."""
    end = object()
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield item  # type: ignore[misc]


def mapped(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int | None = None,
    prepare: Callable[[], None] | None = None,
) -> Generator[R, None, None]:
    """`function` of each item, in order, computed by several threads but no further ahead than there are threads.

    Args:
        function: called in several threads at once.
        items: what to call it with.
        workers: number of threads; None takes as many as there are cores, at most `MOST_WORKERS`.
        prepare: called first in each of the threads.
    """
    workers = workers or min(MOST_WORKERS, os.cpu_count() or 1)
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, initializer=prepare)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
