"""Ratings as sequences of time steps, and the state of a sequence that a rating may be predicted from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from refeed.data.history import History, entry_indices
from refeed.data.row_blocks import pointers

SECONDS_PER_DAY = 86_400
MOMENTS = 1 << 38  # twice the number of steps, of one second each, within 4,000 years of 1970


@dataclass(frozen=True, eq=False)
class Timeline:
    """The time steps of B rows, S in all; steps in which a row has no rating are left out.

    A row of L steps has L + 1 states: one before its first step, and one after each step. The states of all rows are numbered
    consecutively, S + B of them: the one after step s of row b has the index s + b + 1.

    Attributes:
        indptr: int64 (B + 1,), the steps of row b are indptr[b]:indptr[b + 1].
        moments: int64 (S,), number of the step in the calendar (see `moments_of`), sorted within a row.
    """

    indptr: npt.NDArray[np.int64]
    moments: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def num_steps(self) -> int:
        """S."""
        return len(self.moments)

    @property
    def num_states(self) -> int:
        """S + B."""
        return self.num_steps + len(self)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of steps of each row, int64 (B,)."""
        return np.diff(self.indptr)

    @cached_property
    def row_of_step(self) -> npt.NDArray[np.int64]:
        """int64 (S,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    @property
    def states_before_steps(self) -> npt.NDArray[np.int64]:
        """Index of the state before each step, sorted, int64 (S,); the state after it has the next index."""
        return np.arange(self.num_steps, dtype=np.int64) + self.row_of_step

    @property
    def is_first(self) -> npt.NDArray[np.bool_]:
        """Whether a step is the first of its row, bool (S,)."""
        first = np.zeros(self.num_steps, bool)
        first[self.indptr[:-1][self.lengths > 0]] = True
        return first

    def states_before(self, rows: npt.NDArray[np.int64], moments: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Index of the latest state of each of P rows that has seen only steps before its moment, int64 (P,)."""
        return np.searchsorted(self._keys, rows * MOMENTS + moments) + rows

    def latest_states(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Index of the state after all steps of each of P rows, int64 (P,)."""
        return self.indptr[rows + 1] + rows

    @cached_property
    def _keys(self) -> npt.NDArray[np.int64]:
        return self.row_of_step * MOMENTS + self.moments


@dataclass(frozen=True, eq=False)
class Sequences:
    """The ratings of B rows (users, or items) in the order of their times.

    Attributes:
        timeline: the steps.
        entry_pointers: int64 (S + 1,), the ratings of step s are entry_pointers[s]:entry_pointers[s + 1].
        columns: int64 (nnz,), the item (or user) of each rating.
        values: float32 (nnz,), the ratings.
        order: int64 (nnz,), the index of each rating in the history, which has the rows in the same order.
    """

    timeline: Timeline
    entry_pointers: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    order: npt.NDArray[np.int64]

    @classmethod
    def of_history(cls, history: History, moments: npt.NDArray[np.int64]) -> Sequences:
        """The ratings of a history, given the step of each, int64 (nnz,)."""
        row_of_rating = history.row_of_rating
        order = np.argsort(row_of_rating * MOMENTS + moments, kind="stable")
        rows, moments = row_of_rating[order], moments[order]
        begins = np.ones(len(order), bool)
        begins[1:] = (rows[1:] != rows[:-1]) | (moments[1:] != moments[:-1])
        starts = np.flatnonzero(begins)
        steps = pointers(np.bincount(rows[starts], minlength=len(history)))
        return cls(
            timeline=Timeline(steps, moments[starts]),
            entry_pointers=np.append(starts, len(order)),
            columns=history.indices[order],
            values=history.values[order],
            order=order,
        )

    def __len__(self) -> int:
        return len(self.timeline)

    @property
    def entries_of_steps(self) -> npt.NDArray[np.int64]:
        """Number of ratings of each step, int64 (S,)."""
        return np.diff(self.entry_pointers)

    @property
    def row_pointers(self) -> npt.NDArray[np.int64]:
        """The ratings of each row, int64 (B + 1,)."""
        return self.entry_pointers[self.timeline.indptr]

    @property
    def states_before(self) -> npt.NDArray[np.int64]:
        """Index of the state from which each rating is predicted, the one before the rating's own step, int64 (nnz,)."""
        return np.repeat(self.timeline.states_before_steps, self.entries_of_steps)

    def rows(self, positions: npt.NDArray[np.int64]) -> tuple[Sequences, npt.NDArray[np.int64]]:
        """The rows at `positions`, and the indices of their ratings among those of all rows, int64."""
        steps, indptr = entry_indices(self.timeline.indptr, positions)
        entries, entry_pointers = entry_indices(self.entry_pointers, steps)
        part = Sequences(
            timeline=Timeline(indptr, self.timeline.moments[steps]),
            entry_pointers=entry_pointers,
            columns=self.columns[entries],
            values=self.values[entries],
            order=self.order[entries],
        )
        return part, entries


def moments_of(times: npt.NDArray[np.int64], step_seconds: int) -> npt.NDArray[np.int64]:
    """The number of each time's step in the calendar, counted from 1970 UTC."""
    return np.floor_divide(times, step_seconds)
