"""How the ratings of people or items near a time differ from their others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History

PRIOR_RATINGS = 5.0  # imaginary ratings that pull levels and moods to 0


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
        levels = np.bincount(rows, weights=left, minlength=len(history)) / (history.counts + PRIOR_RATINGS)
        order = np.lexsort((history.timestamps, rows))
        return cls(history.indptr, history.timestamps[order].astype(np.int64), (left - levels[rows])[order])

    def first(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """When each of these rows got its first rating; NaN where it has none."""
        return self._at(self.indptr[rows], rows)

    def last(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """When each of these rows got its last rating; NaN where it has none."""
        return self._at(self.indptr[rows + 1] - 1, rows)

    def _at(self, places: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        known, when = self.indptr[rows + 1] > self.indptr[rows], np.full(len(rows), np.nan)
        when[known] = self.times[places[known]]
        return when

    def moods(self, rows: npt.NDArray[np.int64], times: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.float64]:
        """The mean error of the `reach` ratings of the row up to each time and of the `reach` after it, drawn to 0, (P,)."""
        start, end = self.indptr[rows], self.indptr[rows + 1]
        place = self._places_after(rows, times)
        low, high = np.maximum(start, place - reach), np.minimum(end, place + reach)
        return np.asarray((self._sums[high] - self._sums[low]) / (high - low + PRIOR_RATINGS), np.float64)

    def _places_after(self, rows: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The place of the first rating of the row after each time, or the row's end."""
        if not len(self.times):
            return self.indptr[rows]
        distinct, keys = self._keys
        wanted = rows * (len(distinct) + 1) + np.searchsorted(distinct, times, side="right")
        return np.searchsorted(keys, wanted, side="left")

    @cached_property
    def _keys(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The distinct times, rising, and a rising key of row and time for each rating, (nnz,)."""
        distinct, rank = np.unique(self.times, return_inverse=True)
        row_of_rating = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        return distinct, row_of_rating * (len(distinct) + 1) + rank

    @cached_property
    def _sums(self) -> npt.NDArray[np.float64]:
        """Sums of the errors before each place, (nnz + 1,)."""
        return np.concatenate(([0.0], np.cumsum(self.errors)))
