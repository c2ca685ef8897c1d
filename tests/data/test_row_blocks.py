"""Sparse rows a block at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data import row_blocks as module
from refeed.data.row_blocks import chosen_counts, index_counts, looked_up, pointers, row_blocks

COUNTS = st.lists(st.integers(0, 5), max_size=12)


@pytest.fixture(autouse=True)
def tiny_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3)


@given(COUNTS, st.integers(1, 7))
def test_blocks_cover_all_rows_and_are_no_larger_than_the_limit(counts, size):
    blocks = list(row_blocks(pointers(np.array(counts, np.int64)), size=size))
    assert [row for block in blocks for row in range(block.rows.start, block.rows.stop)] == list(range(len(counts)))
    rows = [block.rows.start + row for block in blocks for row in block.row_of_rating.tolist()]
    assert rows == [row for row, count in enumerate(counts) for _ in range(count)]
    for block in blocks:
        assert block.counts.tolist() == counts[block.rows]
        assert block.entries.stop - block.entries.start == sum(counts[block.rows])
        assert sum(counts[block.rows]) <= size or block.rows.stop - block.rows.start == 1


@given(COUNTS, st.data())
def test_chosen_places_are_counted_by_row(counts, data):
    chosen = np.array(data.draw(st.lists(st.booleans(), min_size=sum(counts), max_size=sum(counts))), bool)
    expected = [int(part.sum()) for part in np.split(chosen, np.cumsum(counts)[:-1])] if counts else []
    assert chosen_counts(pointers(np.array(counts, np.int64)), chosen).tolist() == expected


@given(st.lists(st.integers(0, 4), max_size=20))
def test_positions_are_counted_and_looked_up(positions):
    array, table = np.array(positions, np.uint16), np.array([10, 20, 30, 40, 50], np.int8)
    assert index_counts(array, 5).tolist() == [positions.count(number) for number in range(5)]
    assert looked_up(table, array).tolist() == [10 * (number + 1) for number in positions]
    assert looked_up(table, array).dtype == np.int8
