"""Sessions of rows of ratings: which there are, and which of them a time belongs to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import history_of, random_ratings, with_times
from refeed.data import row_blocks
from refeed.models.bayesian.sessions import SessionMeans, Sessions

HISTORY = replace(
    history_of({0: 1.0, 2: 2.0, 3: 3.0}, {}, {1: 4.0, 2: 5.0}, num_items=4), timestamps=np.array([7205, 100, 3599, 3600, 7199])
)
ROWS, TIMES = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 3600, 10_799, 0, 7_000, 100])


def test_sessions_are_the_distinct_periods_of_each_row():
    sessions = Sessions.of(HISTORY, 3600)
    assert sessions.indptr.tolist() == [0, 2, 2, 3]
    assert sessions.periods.tolist() == [0, 2, 1]
    assert sessions.counts.tolist() == [2, 0, 1]


def test_time_belongs_to_the_session_of_its_period_if_its_row_has_one():
    sessions = Sessions.of(HISTORY, 3600)
    assert sessions.numbers(ROWS, TIMES).tolist() == [0, -1, 1, -1, 2, -1]


def test_times_before_1970_and_far_off_are_periods_like_others():
    far = replace(history_of({0: 1.0, 1: 2.0, 2: 3.0}, num_items=3), timestamps=np.array([-1, -(2**62), 2**62]))
    sessions = Sessions.of(far, 1)
    assert sessions.periods.tolist() == [-(2**62), -1, 2**62]
    assert sessions.numbers(np.zeros(2, np.int64), np.array([2**62, 0])).tolist() == [2, -1]


def test_history_in_order_of_its_sessions():
    ordered, numbers = Sessions.of(HISTORY, 3600).in_order(HISTORY)
    assert ordered.indices.tolist() == [2, 3, 0, 1, 2]
    assert ordered.values.tolist() == [2.0, 3.0, 1.0, 4.0, 5.0]
    assert ordered.timestamps.tolist() == [100, 3599, 7205, 3600, 7199]
    assert numbers.tolist() == [0, 0, 1, 0, 0]


def test_rows_are_looked_at_in_blocks(monkeypatch):
    history = with_times(random_ratings()).rows()
    whole = Sessions.of(history, 86_400)
    monkeypatch.setattr(row_blocks, "BLOCK", 10)
    in_blocks = Sessions.of(history, 86_400)
    assert np.array_equal(in_blocks.indptr, whole.indptr) and np.array_equal(in_blocks.periods, whole.periods)


@pytest.mark.parametrize("users", [0, 2])
def test_without_ratings_there_are_no_sessions(users):
    nothing = replace(history_of(*[{}] * users, num_items=4), timestamps=np.empty(0, np.int64))
    sessions = Sessions.of(nothing, 3600)
    assert sessions.counts.tolist() == [0] * users
    rows = np.arange(users)
    assert sessions.numbers(rows, rows).tolist() == [-1] * users
    assert SessionMeans(sessions, np.empty(0, np.float32)).at(rows, rows).tolist() == [0.0] * users


def test_effect_is_that_of_the_session_and_else_nothing():
    means = SessionMeans(Sessions.of(HISTORY, 3600), np.array([0.5, -0.25, 2.0], np.float32))
    assert means.at(ROWS, TIMES).tolist() == [0.5, 0.0, -0.25, 0.0, 2.0, 0.0]
