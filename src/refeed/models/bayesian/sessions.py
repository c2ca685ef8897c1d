"""The sessions in which users rated, numbered consecutively over all rows of a history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.row_blocks import pointers, row_blocks


@dataclass(frozen=True, eq=False)
class Sessions:
    """The sessions of B rows, D in all; a session is what a user rates within one period of the clock.

    Attributes:
        indptr: int64 (B + 1,), the sessions of row b are the slice indptr[b]:indptr[b + 1].
        periods: int64 (D,), number of the period since 1970-01-01 UTC, sorted within a row.
        seconds: length of a period, at least 1.
    """

    indptr: npt.NDArray[np.int64]
    periods: npt.NDArray[np.int64]
    seconds: int

    @classmethod
    def of(cls, history: History, seconds: int) -> Sessions:
        """The sessions of a history, which must have timestamps."""
        assert history.timestamps is not None
        counts, parts = np.zeros(len(history), np.int64), [np.empty(0, np.int64)]
        for block in row_blocks(history.indptr):
            distinct, rank = np.unique(history.timestamps[block.entries] // seconds, return_inverse=True)
            row, rank = np.divmod(np.unique(block.row_of_rating * np.int64(len(distinct)) + rank), max(1, len(distinct)))
            counts[block.rows] = np.bincount(row, minlength=len(block.counts))
            parts.append(distinct[rank])
        return cls(pointers(counts), np.concatenate(parts), seconds)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of sessions of each row, int64 (B,)."""
        return np.diff(self.indptr)

    def numbers(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The session, 0 to D - 1, of each of P rows and times, int64 (P,); -1 where the row has none then."""
        if len(self.periods) == 0:
            return np.full(len(rows), -1, np.int64)
        distinct, keys = self._keys
        periods = times // self.seconds
        rank = np.searchsorted(distinct, periods).clip(max=len(distinct) - 1)
        key = rows.astype(np.int64) * len(distinct) + rank
        number = np.searchsorted(keys, key).clip(max=len(keys) - 1)
        return np.where((distinct[rank] == periods) & (keys[number] == key), number, -1)

    @cached_property
    def _keys(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The distinct periods, sorted, and a sorted key of row and period for each session, (D,)."""
        distinct, rank = np.unique(self.periods, return_inverse=True)
        return distinct, np.repeat(np.arange(len(self.counts)), self.counts) * len(distinct) + rank

    def in_order(self, history: History) -> tuple[History, npt.NDArray[np.int32]]:
        """The history with each row's ratings sorted by session, and the session of each rating, from 0 in each row, (nnz,)."""
        assert history.timestamps is not None
        numbers = self.numbers(history.row_of_rating, history.timestamps)
        order = np.argsort(numbers, kind="stable")
        sorted_history = replace(
            history,
            indices=history.indices[order],
            values=history.values[order],
            timestamps=history.timestamps[order],
        )
        return sorted_history, (numbers[order] - self.indptr[history.row_of_rating]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class SessionMeans:
    """The expected effect of each session.

    Attributes:
        sessions: of B rows, D in all.
        means: float32 (D,).
    """

    sessions: Sessions
    means: npt.NDArray[np.float32]

    def at(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """The effects for P rows and times, float32 (P,); 0 where the row has no session then."""
        numbers, effects = self.sessions.numbers(rows, times), np.zeros(len(rows), np.float32)
        known = numbers >= 0
        effects[known] = self.means[numbers[known]]
        return effects
