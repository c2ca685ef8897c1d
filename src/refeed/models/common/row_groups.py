"""Sparse rows in groups of about the same length, padded to it, so that each group is computed as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.background import mapped
from refeed.data.history import History

GROUP = 1 << 19  # padded features of a group: 2 MiB in float32, so that they stay in the processor's cache
STRETCH = 1.25  # a row is padded to at most this multiple of its length

Group = TypeVar("Group")


def similar_rows(counts: npt.NDArray[np.int64], *, width: int, group: int | None = None) -> Iterator[npt.NDArray[np.int64]]:
    """All rows, shortest first, in groups of about the same length that hold up to `group` numbers.

    Args:
        counts: entries of each row, (B,).
        width: numbers held for each entry, at least 1.
        group: default: `GROUP`.
    """
    order = np.argsort(counts, kind="stable")
    lengths, start = counts[order], 0
    while start < len(order):
        stop = int(np.searchsorted(lengths, max(1.0, STRETCH * lengths[start]), side="right"))
        stop = min(stop, start + group_size(width * max(1, int(lengths[stop - 1])), group))
        yield order[start:stop]
        start = stop


def group_size(numbers: int, group: int | None = None) -> int:
    """How many rows (or columns) of so many numbers each make a group, at least 1."""
    return max(1, (group or GROUP) // numbers)


def padded_indices(
    history: History, rows: npt.NDArray[np.int64], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Indices of entries `start` to `stop` of g rows, (g, stop - start), 0 beyond a row's end, and the mask of these."""
    indices = history.indptr[rows, None] + np.arange(start, stop)
    ended = indices >= history.indptr[rows + 1, None]
    indices[ended] = 0
    return indices, ended


def padded_entries(
    history: History, rows: npt.NDArray[np.int64], start: int, stop: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Columns and values of entries `start` to `stop` of g rows, (g, stop - start); `num_items` and 0 beyond a row's end."""
    indices, ended = padded_indices(history, rows, start, stop)
    columns, values = history.indices[indices], history.values[indices]
    columns[ended], values[ended] = history.num_items, 0.0
    return columns, values


def for_each_group(work: Callable[[Group], None], groups: Iterable[Group], *, device: torch.device) -> None:
    """Call `work` for every group; on the CPU, PyTorch's number of threads share the groups."""
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    if threads == 1:
        for group in groups:
            work(group)
        return
    try:
        for _ in mapped(work, groups, workers=threads, prepare=partial(torch.set_num_threads, 1)):
            pass
    finally:
        torch.set_num_threads(threads)  # setting it in one thread changes it for the matrix library of all
