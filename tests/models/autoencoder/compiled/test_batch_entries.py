"""Entries of a batch in both orders, and their shares for threads."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.models.autoencoder.compiled.batch_entries import COLUMN_COST, in_both_orders


@settings(max_examples=60, deadline=None)
@given(
    rated=st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=8),
    threads=st.integers(1, 5),
    wide=st.booleans(),
)
def test_both_orders_hold_the_same_entries(rated, threads, wide):
    index = np.int64 if wide else np.int32
    pointers = np.cumsum([0, *map(len, rated)]).astype(index)
    columns = np.array([column for row in rated for column in sorted(row)], index)
    values = np.arange(len(columns), dtype=np.float32) - 3
    entries = in_both_orders(pointers, columns, values, 12, threads)
    by_row = {(row, column) for row, those in enumerate(rated) for column in those}
    column_of = np.repeat(entries.columns, np.diff(entries.starts))
    assert list(zip(column_of, entries.rows, strict=True)) == sorted((column, row) for row, column in by_row)
    assert np.array_equal(columns[entries.places], column_of) and np.array_equal(values[entries.places], entries.values)
    assert np.array_equal(entries.columns, np.unique(columns))
    for bounds, places in ((entries.bounds, len(entries.columns)), (entries.row_bounds, len(rated))):
        assert len(bounds) == threads + 1 and (bounds[0], bounds[-1]) == (0, places) and (np.diff(bounds) >= 0).all()


def test_shares_take_about_as_long():
    rng = np.random.default_rng(1)
    lengths = rng.integers(0, 60, 300)
    pointers = np.append(0, np.cumsum(lengths)).astype(np.int32)
    columns = np.concatenate([np.sort(rng.choice(500, length, replace=False)) for length in lengths]).astype(np.int32)
    entries = in_both_orders(pointers, columns, np.ones(len(columns), np.float32), 500, 4)
    of_columns = np.diff(entries.starts[entries.bounds]) + COLUMN_COST * np.diff(entries.bounds)
    of_rows = np.diff(pointers[entries.row_bounds])
    for shares in (of_columns, of_rows):
        assert shares.max() - shares.min() < 0.05 * shares.sum()
