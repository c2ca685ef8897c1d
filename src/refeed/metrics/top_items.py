"""The highest scores of each row of a large matrix, exactly, at little more than the cost of reading it once."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError

MOST_COLUMNS_PER_GROUP = 64


def top_items(scores: npt.NDArray[np.floating[Any]], k: int) -> npt.NDArray[np.int64]:
    """Indices of the k highest scores of each row, best first, int64 (B, k); ties are broken by the lower index.

    Columns are put into groups, and the k-th highest of a row's group maxima is a lower bound of its k highest scores, since k
    groups reach it. Only the few scores at or above that bound are sorted.

    Args:
        scores: floats (B, n).
        k: 1 to n.

    Raises:
        DataError: a score is not a number.
    """
    rows, items = scores.shape
    chosen = np.flatnonzero(scores >= _lower_bound(scores, k))  # indices into the flattened matrix, row by row
    ends = np.searchsorted(chosen, np.arange(rows + 1) * items)
    counts = np.diff(ends)
    is_filled = np.arange(counts.max(initial=k)) < counts[:, None]  # (B, most of a row)
    descending = np.full(is_filled.shape, np.inf, scores.dtype)
    descending[is_filled] = -scores.reshape(-1)[chosen]
    order = np.argsort(descending, axis=1, kind="stable")[:, :k]
    top: npt.NDArray[np.int64] = chosen[ends[:-1, None] + order] - np.arange(rows)[:, None] * items
    return top


def _lower_bound(scores: npt.NDArray[np.floating[Any]], k: int) -> npt.NDArray[np.floating[Any]]:
    """A number for each row, (B, 1), that at least k of its scores reach."""
    rows, items = scores.shape
    size = max(1, min(MOST_COLUMNS_PER_GROUP, items // (2 * k), isqrt(items)))
    groups = items // size  # at least k; group g holds the columns g, g + groups, g + 2 * groups, …
    maxima = scores[:, : size * groups].reshape(rows, size, groups).max(axis=1)
    rest = scores[:, size * groups :]
    np.maximum(maxima[:, : rest.shape[1]], rest, out=maxima[:, : rest.shape[1]])
    if np.isnan(maxima).any():
        raise DataError(
            f"{int(np.isnan(scores).sum()):,} of {scores.size:,} scores are not numbers",
            fix="A model that diverged in training gives such numbers: lower its learning rate and train again.",
        )
    return np.partition(maxima, groups - k, axis=1)[:, groups - k, None]
