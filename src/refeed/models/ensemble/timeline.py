"""Local effects: how the residuals of a user or item near a time differ from their others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History

DAMPING = 5.0  # pseudo-counts that shrink the biases of rows and their local effects to 0


@dataclass(frozen=True, eq=False)
class Timeline:
    """The ratings of B rows in the order of their times.

    Attributes:
        indptr: int64 (B + 1,), row b is the slice indptr[b]:indptr[b + 1].
        times: int64 (nnz,), seconds since 1970 UTC, rising within a row.
        residuals: float64 (nnz,), of the ratings, the row's own bias subtracted too.
    """

    indptr: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    residuals: npt.NDArray[np.float64]

    @classmethod
    def of(cls, history: History, residuals: npt.NDArray[np.float64]) -> Timeline:
        """Of rows with timestamps and residuals, (nnz,), from which the row's own bias is subtracted here."""
        assert history.timestamps is not None
        rows = history.row_of_rating
        biases = np.bincount(rows, weights=residuals, minlength=len(history)) / (history.counts + DAMPING)
        order = np.lexsort((history.timestamps, rows))
        return cls(history.indptr, history.timestamps[order].astype(np.int64), (residuals - biases[rows])[order])

    def ends(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The times of each row's first and last rating, int64 (B,) each; 0 where it has none."""
        known, ends = np.diff(self.indptr) > 0, np.zeros((2, len(self.indptr) - 1), np.int64)
        ends[:, known] = self.times[self.indptr[:-1][known]], self.times[self.indptr[1:][known] - 1]
        return ends[0], ends[1]

    def local_effects(
        self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64] | None, reach: int
    ) -> npt.NDArray[np.float64]:
        """The damped mean residual of the `reach` ratings of the row up to each time and of the `reach` after it, float64 (P,).

        Args:
            rows: integers (P,).
            times: int64 (P,), seconds since 1970 UTC; None is after the last rating.
            reach: at least 1.
        """
        start, end = self.indptr[rows], self.indptr[1:][rows]
        place = end if times is None else self._first_after(start, end, times)
        low, high = np.maximum(start, place - reach), np.minimum(end, place + reach)
        return np.asarray((self._sums[high] - self._sums[low]) / (high - low + DAMPING), np.float64)

    def _first_after(
        self, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The index of the first rating after each time, from `start` on, or `end`: binary searches, all at once."""
        low, high = start.copy(), end.copy()
        while (is_open := low < high).any():
            middle = (low[is_open] + high[is_open]) // 2
            after = self.times[middle] > times[is_open]
            high[is_open] = np.where(after, middle, high[is_open])
            low[is_open] = np.where(after, low[is_open], middle + 1)
        return low

    @cached_property
    def _sums(self) -> npt.NDArray[np.float64]:
        """Sums of the residuals before each place, (nnz + 1,)."""
        return np.concatenate(([0.0], np.cumsum(self.residuals)))
