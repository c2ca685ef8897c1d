"""Local effects near a time, against sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.small_worlds import history_of, random_ratings, with_times
from refeed.models.ensemble.timeline import DAMPING, Timeline

ROWS = np.array([0, 1, 2])


def timeline_of(seed=0, *, days=60) -> tuple[Timeline, object, np.ndarray]:
    history = with_times(random_ratings(seed=seed), days=days, seed=seed).rows()
    left = np.random.default_rng(seed).normal(size=history.num_ratings)
    return Timeline.of(history, left), history, left


def effect_by_hand(history, left, row, time, reach):
    mine = slice(*history.indptr[row : row + 2])
    level = left[mine].sum() / (mine.stop - mine.start + DAMPING)
    order = np.argsort(history.timestamps[mine], kind="stable")
    times, errors = history.timestamps[mine][order], (left[mine] - level)[order]
    near = np.concatenate((errors[times <= time][-reach:], errors[times > time][:reach]))
    return near.sum() / (len(near) + DAMPING)


@given(seed=st.integers(0, 50), reach=st.integers(1, 9), row=st.integers(0, 23), hour=st.integers(-30, 30 * 24))
def test_local_effect_is_that_of_the_ratings_before_and_after_the_time(seed, reach, row, hour):
    timeline, history, left = timeline_of(seed, days=20)
    time = 946_684_800 + 3600 * hour
    effect = timeline.local_effects(np.array([row]), np.array([time]), reach)
    np.testing.assert_allclose(effect, [effect_by_hand(history, left, row, time, reach)], atol=1e-12)


def test_rating_at_the_very_time_counts_as_before_it():
    history = replace(history_of({0: 3.0, 1: 3.0}, num_items=2), timestamps=np.array([50, 90]))
    timeline = Timeline(history.indptr, history.timestamps, np.array([1.0, 4.0]))
    expected = [1 / (1 + DAMPING), 5 / (2 + DAMPING)]
    np.testing.assert_allclose(timeline.local_effects(np.array([0, 0]), np.array([89, 40]), 1), [expected[1], 1 / 6])
    np.testing.assert_allclose(timeline.local_effects(np.array([0]), np.array([90]), 1), [4 / 6])
    np.testing.assert_allclose(timeline.local_effects(np.array([0]), np.array([50]), 1), [expected[1]])


def test_first_and_last_times_are_of_the_row():
    history = replace(history_of({0: 3.0, 1: 3.0}, {}, {1: 2.0}, num_items=2), timestamps=np.array([90, 50, 7]))
    timeline = Timeline.of(history, np.zeros(3))
    assert [when.tolist() for when in timeline.ends()] == [[50, 0, 7], [90, 0, 7]]
    assert timeline.local_effects(ROWS, np.array([60, 60, 60]), 3).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("reach", [1, 3, 99])
def test_no_time_is_after_the_last_rating(reach):
    timeline, history, left = timeline_of()
    rows = np.arange(len(history))
    expected = [effect_by_hand(history, left, row, 2**40, reach) for row in rows]
    np.testing.assert_allclose(timeline.local_effects(rows, None, reach), expected, atol=1e-12)
    np.testing.assert_allclose(timeline.local_effects(rows, np.full(len(rows), 2**40), reach), expected, atol=1e-12)


def test_narrow_row_numbers_do_as_well():
    timeline, history, _ = timeline_of()
    rows, times = np.arange(len(history)), np.full(len(history), 948_000_000)
    assert np.array_equal(timeline.local_effects(rows.astype(np.int32), times, 3), timeline.local_effects(rows, times, 3))


def test_no_ratings_at_all_have_no_local_effect():
    history = replace(history_of({}, {}, num_items=2), timestamps=np.array([], np.int64))
    timeline = Timeline.of(history, np.zeros(0))
    assert timeline.local_effects(np.array([1]), np.array([5]), 3).tolist() == [0.0]
    assert [when.tolist() for when in timeline.ends()] == [[0, 0], [0, 0]]


def test_common_level_is_no_local_effect():
    history = with_times(random_ratings(), days=3).rows()
    timeline = Timeline.of(history, np.full(history.num_ratings, 2.0))
    rows, times = np.arange(len(history)), np.full(len(history), 946_684_800 + 86_400)
    levels = 2.0 * history.counts / (history.counts + DAMPING)
    near = history.counts  # the reach takes in all of them
    assert timeline.local_effects(rows, times, 100) == pytest.approx((2.0 - levels) * near / (near + DAMPING))
