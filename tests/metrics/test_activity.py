"""Errors by how active users are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.errors import DataError
from refeed.metrics.activity import ActivityGroup, activity_deciles


def test_twenty_users_make_ten_pairs_from_the_least_to_the_most_active():
    counts = np.arange(20)[::-1].copy()  # user 0 is the most active
    errors = np.arange(20, dtype=np.float64)
    groups = activity_deciles(counts, np.ones(20, int), errors**2, errors)
    assert groups[0] == ActivityGroup(0, 1, 2, 2, pytest.approx(((19**2 + 18**2) / 2) ** 0.5), 18.5)
    assert groups[-1] == ActivityGroup(18, 19, 2, 2, pytest.approx(0.5**0.5), 0.5)
    assert [group.low for group in groups] == list(range(0, 20, 2))


def test_a_group_weighs_its_ratings_not_its_users():
    groups = activity_deciles(np.array([5]), np.array([3]), np.array([9.0]), np.array([5.0]))
    assert groups == [ActivityGroup(5, 5, 1, 3, pytest.approx(3**0.5), pytest.approx(5 / 3))]


def test_users_without_test_ratings_are_left_out():
    groups = activity_deciles(np.array([7, 1, 9]), np.array([1, 0, 1]), np.array([4.0, 0, 1]), np.array([2.0, 0, 1]))
    assert [(group.low, group.rmse) for group in groups] == [(7, 2.0), (9, 1.0)]


def test_no_test_ratings_make_no_groups():
    assert activity_deciles(np.array([3, 4]), np.zeros(2, int), np.zeros(2), np.zeros(2)) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=60))
def test_groups_hold_every_rating_once_and_are_of_nearly_equal_size(users):
    counts, tests = (np.array(column) for column in zip(*users, strict=True))
    absolute = np.arange(len(users)) * tests / 2
    groups = activity_deciles(counts, tests, absolute**2, absolute)
    assert sum(group.ratings for group in groups) == tests.sum()
    assert sum(group.mae * group.ratings for group in groups) == pytest.approx(absolute.sum())
    assert sum(group.rmse**2 * group.ratings for group in groups) == pytest.approx((absolute**2).sum())
    sizes = [group.users for group in groups]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert all(before.high <= after.low for before, after in itertools.pairwise(groups))


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(DataError, match=r"got lengths \[1, 2\]"):
        activity_deciles(np.array([1, 2]), np.array([2, 1]), np.array([1.0]), np.array([1.0, 1.0]))
