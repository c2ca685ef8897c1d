"""Work on users in blocks, on all cores, with results in order and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.background import mapped
from refeed.progress import Callback, silent, tracked

USERS_PER_BLOCK = 512
SCORES_PER_BLOCK = 1 << 22  # of users by all items: 16 MiB in float32, so that they stay near the processor
FEWEST_USERS = 32  # a block: with fewer, reading the last layer's weights would take longer than multiplying with them

Result = TypeVar("Result")
Block = tuple[npt.NDArray[np.int64], Result]


def users_per_scored_block(num_items: int) -> int:
    """Number of users to score on all items at once."""
    return min(USERS_PER_BLOCK, max(FEWEST_USERS, SCORES_PER_BLOCK // num_items))


def over_blocks(
    work: Callable[[npt.NDArray[np.int64]], Result],
    users: npt.NDArray[np.int64],
    *,
    size: int,
    task: str = "",
    progress: Callback = silent,
) -> Generator[Block[Result], None, None]:
    """Yield blocks of `size` users with the result of `work(block)`, in order.

    Each thread that PyTorch may use takes blocks of its own, so that all of the work is spread, not the matrix products alone.
    At most one block more than there are threads is in progress, or done and not yet yielded. A single block has all threads.

    Args:
        work: called in several threads at the same time.
        users: int64 (U,).
        size: number of users in a block, at least 1.
        task: name of the work.
        progress: called with the number of users that are done.
    """
    if len(users) == 0:
        return
    blocks = [users[start : start + size] for start in range(0, len(users), size)]
    threads = min(torch.get_num_threads(), len(blocks))
    results = ((block, work(block)) for block in blocks) if threads == 1 else _in_threads(work, blocks, threads)
    with tracked(progress, task, total=len(users), unit="users") as advance:
        try:
            for block, result in results:
                yield block, result
                advance(len(block))
        finally:
            results.close()


def _in_threads(
    work: Callable[[npt.NDArray[np.int64]], Result], blocks: list[npt.NDArray[np.int64]], threads: int
) -> Generator[Block[Result], None, None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread and, below, of the workers
    results = mapped(work, blocks, workers=threads, prepare=partial(torch.set_num_threads, 1))
    try:
        yield from zip(blocks, results, strict=True)
    finally:
        results.close()
        torch.set_num_threads(before)
