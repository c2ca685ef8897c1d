"""The entries of a batch of sparse rows, by row and by column, divided among threads."""

from __future__ import annotations

import numpy as np

from refeed.models.autoencoder.compiled.compiling import compiled
from refeed.models.autoencoder.compiled.edge_loops import AnyIntegers, Entries, Floats, Integers

COLUMN_COST = 3  # of a column besides its entries, in entries


def in_both_orders(pointers: AnyIntegers, columns: AnyIntegers, values: Floats, num_columns: int, threads: int) -> Entries:
    """The entries of sparse rows, in shares that take all threads about as long.

    Args:
        pointers: (B + 1,), where each row's entries begin; the first is 0.
        columns: (nnz,), below `num_columns`.
        values: (nnz,).
        num_columns: n.
        threads: T.
    """
    distinct, starts, rows, by_column, places = _column_order(pointers, columns, values, num_columns)
    return Entries(
        pointers=pointers,
        row_columns=columns,
        row_values=values,
        row_bounds=_shares(pointers, 0, threads),
        columns=distinct,
        starts=starts,
        rows=rows,
        values=by_column,
        places=places,
        bounds=_shares(starts, COLUMN_COST, threads),
    )


@compiled()
def _column_order(
    pointers: AnyIntegers, columns: AnyIntegers, values: Floats, num_columns: int
) -> tuple[Integers, Integers, Integers, Floats, Integers]:
    """`Entries.columns`, `starts`, `rows`, `values` and `places`, by counting sort."""
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
    return distinct, starts, rows, by_column, places


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
