"""Histories as sparse rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.history import History, entry_indices, row_entries
from refeed.errors import DataError

THREE = History(
    indptr=np.array([0, 2, 2, 5]),
    indices=np.array([0, 3, 1, 2, 3]),
    values=np.array([1, 2, 3, 4, 5], np.float32),
    num_items=4,
    users=np.array([7, -1, 9]),
    timestamps=np.array([10, 20, 30, 40, 50]),
)


def test_counts_rows_and_sizes():
    assert (len(THREE), THREE.num_ratings) == (3, 5)
    assert THREE.counts.tolist() == [2, 0, 3]
    assert THREE.row_of_rating.tolist() == [0, 0, 2, 2, 2]


def test_rows_come_in_the_given_order_and_may_repeat():
    part = THREE.rows([2, 1, 0, 2])
    assert part.indptr.tolist() == [0, 3, 3, 5, 8]
    assert part.indices.tolist() == [1, 2, 3, 0, 3, 1, 2, 3]
    assert part.values.tolist() == [3, 4, 5, 1, 2, 3, 4, 5]
    assert part.timestamps.tolist() == [30, 40, 50, 10, 20, 30, 40, 50]
    assert (part.users.tolist(), part.num_items) == ([9, -1, 7, 9], 4)


def test_no_rows_are_an_empty_history():
    assert (len(THREE.rows([])), THREE.rows([]).num_ratings) == (0, 0)


def test_history_of_one_new_person_is_sorted_by_item():
    history = History.of_one([3, 0], [5, 0.5], num_items=4)
    assert (history.indices.tolist(), history.values.tolist(), history.users.tolist()) == ([0, 3], [0.5, 5.0], [-1])
    assert (history.values.dtype, history.timestamps, History.of_one([], [], num_items=4).num_ratings) == (np.float32, None, 0)


def test_item_given_twice_and_a_rating_that_is_no_number_are_refused():
    with pytest.raises(DataError, match="an item occurs twice in one history; give one rating for each item"):
        History.of_one([1, 1], [2, 3], num_items=4)
    with pytest.raises(DataError, match="a rating in the history is not a finite number"):
        History.of_one([1], [np.nan], num_items=4)


@given(st.lists(st.integers(0, 4), max_size=6), st.data())
def test_places_are_the_entries_of_the_rows(counts, data):
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    rows = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=8) if counts else st.just([])), np.int64)
    places, pointers = entry_indices(indptr, rows)
    assert places.tolist() == [place for row in rows for place in range(indptr[row], indptr[row + 1])]
    assert np.diff(pointers).tolist() == [counts[row] for row in rows]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.data())
def test_rows_that_follow_one_another_are_a_slice_of_the_same_entries(counts, data):
    indptr = np.concatenate([[0], np.cumsum(counts)])
    first = data.draw(st.integers(0, len(counts) - 1))
    rows = np.arange(first, data.draw(st.integers(first, len(counts) - 1)) + 1)
    entries, pointers = row_entries(indptr, rows)
    places, expected = entry_indices(indptr, rows)
    assert isinstance(entries, slice)
    assert np.arange(indptr[-1])[entries].tolist() == places.tolist()
    assert pointers.tolist() == expected.tolist()
