"""Batches of sparse rows in both orders."""

from __future__ import annotations

import numpy as np
import torch

from refeed.data.history import History
from refeed.models.common.sparse_rows import SparseRows

ROWS = SparseRows(
    indptr=torch.tensor([0, 2, 2, 5]),
    columns=torch.tensor([3, 0, 1, 3, 0]),
    values=torch.tensor([1.0, 2.0, 3.0, 0.0, 5.0]),
    num_columns=4,
)


def test_history_becomes_rows_of_the_same_numbers():
    history = History(
        indptr=np.array([0, 1, 3]),
        indices=np.array([2, 0, 1]),
        values=np.array([4.0, 0.0, -1.0], np.float32),
        num_items=3,
        users=np.array([0, 1]),
    )
    rows = SparseRows.from_history(history, torch.device("cpu"))
    assert len(rows) == 2
    assert rows.to_dense().tolist() == [[0.0, 0.0, 4.0], [0.0, -1.0, 0.0]]
    assert rows.values.dtype == torch.float32


def test_row_of_each_entry_skips_empty_rows():
    assert ROWS.row_of_entry.tolist() == [0, 0, 2, 2, 2]


def test_column_order_groups_the_entries_by_column_in_the_order_of_the_rows():
    order, rows, pointers = ROWS.by_column
    assert order.tolist() == [1, 4, 2, 0, 3]
    assert rows.tolist() == [0, 2, 2, 0, 2]
    assert pointers.tolist() == [0, 2, 3, 3, 5]


def test_other_values_keep_the_places_and_what_was_worked_out_for_them():
    known = ROWS.by_column
    doubled = ROWS.with_values(2 * ROWS.values)
    assert doubled.by_column is known
    assert doubled.to_dense().tolist() == (2 * ROWS.to_dense()).tolist()
    fresh = SparseRows(ROWS.indptr, ROWS.columns, ROWS.values, 4).with_values(ROWS.values)
    assert "by_column" not in fresh.__dict__


def test_other_values_are_those_of_the_compact_rows_too():
    _ = ROWS.compact  # worked out before the values change
    assert torch.equal(ROWS.with_values(2 * ROWS.values).compact[1].values, 2 * ROWS.values)
