"""The entries of a batch of sparse rows in both orders, shared out among threads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.training.compiling import compiled

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
AnyIntegers = npt.NDArray[np.integer[Any]]

COLUMN_COST = 3  # of a column beside its entries, in entries


class Entries(NamedTuple):
    """The entries of B sparse rows, in both orders.

    Attributes:
        pointers: integers (B + 1,), where each row's entries begin.
        row_columns: integers (nnz,), column of each entry in row order.
        row_values: float32 (nnz,), of each entry in row order.
        row_bounds: int64 (T + 1,), where among the rows each thread's share begins.
        columns: int64 (u,), those with entries, rising.
        starts: int64 (u + 1,), where each column's entries begin.
        rows: int64 (nnz,), row of each entry in column order, rising within a column.
        values: float32 (nnz,), of each entry in column order.
        places: int64 (nnz,), where each entry is in row order.
        bounds: int64 (T + 1,), where among the u columns each thread's share begins.
    """

    pointers: AnyIntegers
    row_columns: AnyIntegers
    row_values: Floats
    row_bounds: Integers
    columns: Integers
    starts: Integers
    rows: Integers
    values: Floats
    places: Integers
    bounds: Integers


@compiled()
def in_both_orders(pointers: AnyIntegers, columns: AnyIntegers, values: Floats, num_columns: int, threads: int) -> Entries:
    """The entries of sparse rows, in shares that take each thread about as long.

    Args:
        pointers: (B + 1,), where each row's entries begin; the first is 0.
        columns: (nnz,), below `num_columns`.
        values: (nnz,).
        num_columns: n.
        threads: T.
    """
    number = len(columns)
    ends = np.zeros(num_columns + 1, np.int64)
    for entry in range(number):
        ends[columns[entry] + 1] += 1
    occurring = np.count_nonzero(ends)
    distinct, starts = np.empty(occurring, np.int64), np.zeros(occurring + 1, np.int64)
    place = 0
    for column in range(num_columns):
        if ends[column + 1]:
            distinct[place] = column
            starts[place + 1] = starts[place] + ends[column + 1]
            place += 1
        ends[column + 1] += ends[column]
    rows, by_column, places = np.empty(number, np.int64), np.empty(number, np.float32), np.empty(number, np.int64)
    for row in range(len(pointers) - 1):
        for entry in range(pointers[row], pointers[row + 1]):
            to = ends[columns[entry]]
            ends[columns[entry]] = to + 1
            rows[to], by_column[to], places[to] = row, values[entry], entry
    row_bounds, bounds = _shares(pointers, 0, threads), _shares(starts, COLUMN_COST, threads)
    return Entries(pointers, columns, values, row_bounds, distinct, starts, rows, by_column, places, bounds)


@compiled()
def _shares(starts: AnyIntegers, extra: int, threads: int) -> Integers:
    """Where each thread's share begins, (T + 1,), if an interval costs its length and `extra`."""
    bounds, total = np.zeros(threads + 1, np.int64), starts[-1] + extra * (len(starts) - 1)
    thread = 1
    for place in range(1, len(starts)):
        while thread < threads and (starts[place] + extra * place) * threads >= total * thread:
            bounds[thread] = place
            thread += 1
    bounds[thread:] = len(starts) - 1
    return bounds
