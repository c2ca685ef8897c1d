"""When people sat down to rate: the sessions of each row of a history, numbered through all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.row_blocks import pointers, row_blocks


@dataclass(frozen=True, eq=False)
class Sessions:
    """The sessions of B rows, D in all: what a person rates within one period of the clock is one session.

    Attributes:
        indptr: int64 (B + 1,), the sessions of row b are the slice indptr[b]:indptr[b + 1].
        periods: int64 (D,), periods since 1970-01-01 UTC, rising within a row.
        seconds: length of a period, at least 1.
    """

    indptr: npt.NDArray[np.int64]
    periods: npt.NDArray[np.int64]
    seconds: int

    @classmethod
    def of(cls, history: History, seconds: int) -> Sessions:
        """Those of the ratings of a history, which must have timestamps."""
        assert history.timestamps is not None
        counts, parts = np.zeros(len(history), np.int64), [np.empty(0, np.int64)]
        for block in row_blocks(history.indptr):
            distinct, rank = np.unique(history.timestamps[block.places] // seconds, return_inverse=True)
            row, rank = np.divmod(np.unique(block.row_of_rating * np.int64(len(distinct)) + rank), max(1, len(distinct)))
            counts[block.rows] = np.bincount(row, minlength=len(block.counts))
            parts.append(distinct[rank])
        return cls(pointers(counts), np.concatenate(parts), seconds)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Number of sessions of each row, int64 (B,)."""
        return np.diff(self.indptr)

    def numbers(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The sessions, 0 to D - 1, that P times belong to in these rows, int64 (P,); -1 where a row has none then."""
        if len(self.periods) == 0:
            return np.full(len(rows), -1, np.int64)
        distinct, keys = self._keys
        asked = times // self.seconds
        place = np.searchsorted(distinct, asked).clip(max=len(distinct) - 1)
        wanted = rows.astype(np.int64) * len(distinct) + place
        number = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        return np.where((distinct[place] == asked) & (keys[number] == wanted), number, -1)

    @cached_property
    def _keys(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The distinct periods, rising, and a rising key of row and period for each session, (D,)."""
        distinct, rank = np.unique(self.periods, return_inverse=True)
        return distinct, np.repeat(np.arange(len(self.counts)), self.counts) * len(distinct) + rank

    def in_rows(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The same as `numbers`, counted from 0 in each row."""
        numbers = self.numbers(rows, times)
        return np.where(numbers < 0, -1, numbers - self.indptr[rows])

    def in_order(self, history: History) -> tuple[History, npt.NDArray[np.int32]]:
        """The history that they are of with each row's ratings in the order of its sessions, and their numbers in the row."""
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
    """What is expected of the effect of each session.

    Attributes:
        sessions: of B rows, D in all.
        means: float32 (D,).
    """

    sessions: Sessions
    means: npt.NDArray[np.float32]

    def at(self, rows: npt.NDArray[np.integer], times: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """At P times of these rows, float32 (P,); 0 where a row has no session then."""
        numbers, effects = self.sessions.numbers(rows, times), np.zeros(len(rows), np.float32)
        known = numbers >= 0
        effects[known] = self.means[numbers[known]]
        return effects
