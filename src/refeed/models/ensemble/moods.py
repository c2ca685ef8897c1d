"""How the ratings of people or items near a time differ from their others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History

LEVEL_RATINGS = 5.0  # imaginary ratings that pull the levels of rows and their moods to 0


@dataclass(frozen=True, eq=False)
class Timeline:
    """The ratings of B rows in the order of their times.

    Attributes:
        indptr: int64 (B + 1,), row b is the slice indptr[b]:indptr[b + 1].
        times: int64 (nnz,), seconds since 1970 UTC, rising within a row.
        errors: float64 (nnz,), what is left of the ratings beyond the row's level.
    """

    indptr: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    errors: npt.NDArray[np.float64]

    @classmethod
    def of(cls, history: History, left: npt.NDArray[np.float64]) -> Timeline:
        """Of rows with times, and what is left of their ratings beyond all levels but the row's own, (nnz,)."""
        assert history.timestamps is not None
        rows = history.row_of_rating
        levels = np.bincount(rows, weights=left, minlength=len(history)) / (history.counts + LEVEL_RATINGS)
        order = np.lexsort((history.timestamps, rows))
        return cls(history.indptr, history.timestamps[order].astype(np.int64), (left - levels[rows])[order])

    def ends(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """When each row got its first and its last rating, int64 (B,) each; 0 where it has none."""
        known, ends = np.diff(self.indptr) > 0, np.zeros((2, len(self.indptr) - 1), np.int64)
        ends[:, known] = self.times[self.indptr[:-1][known]], self.times[self.indptr[1:][known] - 1]
        return ends[0], ends[1]

    def moods(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64] | None, reach: int) -> npt.NDArray[np.float64]:
        """The mean error of the `reach` ratings of the row up to each time and of the `reach` after it, drawn to 0, (P,).

        Args:
            rows: integers (P,).
            times: int64 (P,), seconds since 1970 UTC; None is after the last rating.
            reach: at least 1.
        """
        start, end = self.indptr[rows], self.indptr[1:][rows]
        place = end if times is None else self._places_after(start, end, times)
        low, high = np.maximum(start, place - reach), np.minimum(end, place + reach)
        return np.asarray((self._sums[high] - self._sums[low]) / (high - low + LEVEL_RATINGS), np.float64)

    def _places_after(
        self, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], times: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The place of the first rating after each time from `start` on, or `end`: binary searches, all at once."""
        low, high = start.copy(), end.copy()
        while (is_open := low < high).any():
            middle = (low[is_open] + high[is_open]) // 2
            after = self.times[middle] > times[is_open]
            high[is_open] = np.where(after, middle, high[is_open])
            low[is_open] = np.where(after, low[is_open], middle + 1)
        return low

    @cached_property
    def _sums(self) -> npt.NDArray[np.float64]:
        """Sums of the errors before each place, (nnz + 1,)."""
        return np.concatenate(([0.0], np.cumsum(self.errors)))
