"""Sparse rows of about the same length, padded to it, so that many of them are worked on as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.background import mapped
from refeed.data.history import History

GROUP = 1 << 19  # numbers of padded features at once: 2 MiB in float32, so that they stay near the processor
STRETCH = 1.25  # a row is padded to at most this multiple of its length

Group = TypeVar("Group")


def similar_rows(counts: npt.NDArray[np.int64], *, width: int) -> Iterator[npt.NDArray[np.int64]]:
    """All rows, shortest first, in groups of about the same length that fill `GROUP` numbers.

    Args:
        counts: entries of each row, (B,).
        width: numbers that will be held for each entry, at least 1.
    """
    order = np.argsort(counts, kind="stable")
    lengths, start = counts[order], 0
    while start < len(order):
        stop = int(np.searchsorted(lengths, max(1.0, STRETCH * lengths[start]), side="right"))
        stop = min(stop, start + at_once(width * max(1, int(lengths[stop - 1]))))
        yield order[start:stop]
        start = stop


def at_once(numbers: int) -> int:
    """How many things of so many numbers each fill `GROUP`, at least 1."""
    return max(1, GROUP // numbers)


def padded_places(
    history: History, rows: npt.NDArray[np.int64], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Places of entries `start` to `stop` of g rows, (g, stop - start), 0 where a row has ended, and where that is."""
    places = history.indptr[rows, None] + np.arange(start, stop)
    ended = places >= history.indptr[rows + 1, None]
    places[ended] = 0
    return places, ended


def padded_entries(
    history: History, rows: npt.NDArray[np.int64], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Columns and values of entries `start` to `stop` of g rows, (g, stop - start); `num_items` and 0 where a row has ended."""
    places, ended = padded_places(history, rows, start, stop)
    columns, values = history.indices[places], history.values[places]
    columns[ended], values[ended] = history.num_items, 0.0
    return columns, values


def for_each_group(work: Callable[[Group], None], groups: Iterable[Group], *, device: torch.device) -> None:
    """`work` of every group; on the CPU each thread that PyTorch may use takes groups of its own."""
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    if threads == 1:
        for group in groups:
            work(group)
        return
    try:
        for _ in mapped(work, groups, workers=threads, prepare=partial(torch.set_num_threads, 1)):
            pass
    finally:
        torch.set_num_threads(threads)  # a thread of its own with one thread takes them from the matrix library of all
