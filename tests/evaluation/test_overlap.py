"""Ratings that two histories share."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.small_worlds import history_of
from refeed.evaluation.overlap import also_in

rows = st.dictionaries(st.integers(0, 6), st.just(1.0))


@given(st.lists(st.tuples(rows, rows), min_size=1, max_size=6))
def test_shared_places_are_those_of_the_same_row_and_item(pairs):
    mine, theirs = zip(*pairs, strict=True)
    expected = [item in other for row, other in pairs for item in sorted(row)]
    assert also_in(history_of(*mine, num_items=7), history_of(*theirs, num_items=7)).tolist() == expected


def test_nothing_is_in_nothing():
    empty = history_of({}, num_items=3)
    assert also_in(empty, empty).dtype == np.bool_
    assert also_in(history_of({2: 1.0}, num_items=3), empty).tolist() == [False]
