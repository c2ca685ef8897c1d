"""Ratings by user and item, and the merging of repeats."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.pair_order import merge_repeats, pair_order

SMALL = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 4), st.sampled_from([1.0, 2.5, -0.0])))


def columns_of(entries):
    rows, columns, times, values = (np.array(column) for column in zip(*entries, strict=True)) if entries else [np.zeros(0)] * 4
    return rows.astype(np.int32), columns.astype(np.uint16), times.astype(np.int64), values.astype(np.float32)


@given(SMALL)
def test_order_is_that_of_python(entries):
    rows, columns, _, _ = columns_of(entries)
    places, repeats = pair_order(rows, columns)
    expected = sorted(range(len(entries)), key=lambda place: (*entries[place][:2], place))
    assert places.tolist() == expected
    pairs = [entries[place][:2] for place in expected]
    assert repeats.tolist() == [place > 0 and pairs[place] == pairs[place - 1] for place in range(len(pairs))]


@given(st.lists(st.tuples(st.integers(2**31 - 3, 2**31 - 1), st.integers(2**31 - 3, 2**31 - 1)), min_size=4, max_size=9))
def test_positions_too_large_for_one_number_are_sorted_too(entries):
    rows, columns = np.array(entries, np.int32).T
    places, repeats = pair_order(rows, columns)
    assert places.tolist() == sorted(range(len(entries)), key=lambda place: (*entries[place], place))
    assert int(repeats.sum()) == len(entries) - len(set(entries))


@given(SMALL, st.booleans())
def test_latest_of_a_pair_is_kept_or_its_mean_taken(entries, mean):
    rows, columns, times, values = columns_of(entries)
    places, repeats = pair_order(rows, columns)
    kept, merged = merge_repeats(places, repeats, values, times, mean=mean)
    in_time = sorted(range(len(entries)), key=lambda place: (*entries[place][:3], place))
    groups = [list(group) for _, group in groupby(in_time, key=lambda place: entries[place][:2])]
    assert kept.tolist() == [group[-1] for group in groups]
    expected = [
        np.mean([entries[place][3] for place in group]) if mean and len(group) > 1 else entries[group[-1]][3]
        for group in groups
    ]
    assert merged.tolist() == np.array(expected, np.float32).tolist()


def test_rating_that_is_not_repeated_keeps_the_sign_of_its_zero_among_means():
    rows, columns, values = np.array([0, 1, 1], np.int32), np.zeros(3, np.int32), np.array([-0.0, 1, 2], np.float32)
    _, merged = merge_repeats(*pair_order(rows, columns), values, None, mean=True)
    assert merged.tolist() == [0.0, 1.5]
    assert np.signbit(merged[0])
