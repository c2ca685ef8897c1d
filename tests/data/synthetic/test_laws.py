"""The laws of a synthetic world."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from refeed.data.synthetic.laws import activity, audience, item_counts, joining, moments, popularity, releases


def test_popularity_follows_its_law_in_random_order():
    weights = popularity(np.random.default_rng(0), 500)
    share = (np.arange(500) + 0.5) / 500
    np.testing.assert_allclose(np.sort(weights)[::-1], np.exp(-8 * share**0.4) * np.sqrt(1 - share))
    assert abs(np.corrcoef(weights, np.arange(500))[0, 1]) < 0.15


def test_counts_have_the_extremes_and_the_median_of_the_netflix_prize():
    counts = item_counts(popularity(np.random.default_rng(0), 17_770), 480_189, 100_480_507)
    assert counts.sum() == 100_480_507
    assert counts.max() == pytest.approx(232_944, rel=0.05)
    assert np.median(counts) == pytest.approx(560, rel=0.05)
    assert 1 <= counts.min() <= 3


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 40))
def test_counts_keep_total_and_bounds(data, num_users, num_items):
    num_ratings = data.draw(st.integers(1, num_users * num_items))
    counts = item_counts(popularity(np.random.default_rng(1), num_items), num_users, num_ratings)
    assert counts.sum() == num_ratings
    assert counts.max() <= num_users
    assert counts.min() >= int(num_ratings >= num_items)


def test_more_popular_items_have_no_fewer_ratings_but_for_rounding():
    weights = popularity(np.random.default_rng(2), 300)
    counts = item_counts(weights, 1_000, 20_000)[np.argsort(weights)]
    assert np.diff(counts).min() >= -1


def test_counts_are_those_of_saturating_audiences():
    weights = np.array([0.5, 0.1, 0.01])
    counts = item_counts(weights, 1_000_001, 1_000_000)
    pressure = -np.log1p(-(counts - 1) / 1e6) / weights
    np.testing.assert_allclose(pressure, pressure[0], rtol=1e-4)


def test_activity_is_log_normal_in_whole_slots():
    slots = activity(np.random.default_rng(3), 50_000)
    assert slots.min() == 1
    assert slots.mean() == pytest.approx(16, rel=0.02)
    law = stats.norm(np.log(16) - 1.5**2 / 2, 1.5)
    for quantile in (0.9, 0.99):  # of the upper part, where rounding hardly shows
        assert (np.log(slots) > law.ppf(quantile)).mean() == pytest.approx(1 - quantile, rel=0.1)


def test_times_of_joining_and_release_follow_their_laws():
    rng = np.random.default_rng(4)
    assert stats.kstest(joining(rng, 5_000), stats.beta(3, 1.5).cdf).pvalue > 0.01
    released = releases(rng, 5_000)
    assert (released == 0).mean() == pytest.approx(1 / 3, abs=0.02)
    assert stats.kstest(released[released > 0], stats.uniform(0, 0.95).cdf).pvalue > 0.01


def test_moments_lie_after_the_earliest_possible_and_mostly_soon():
    earliest = np.repeat([0.0, 0.5, 0.9], 2_000)
    waited = (moments(np.random.default_rng(5), earliest) - earliest) / (1 - earliest)
    assert stats.kstest(np.sqrt(waited), stats.uniform.cdf).pvalue > 0.01


ACTIVITIES = np.array([1, 2, 3, 6])
SLOTS = np.repeat(np.arange(4, dtype=np.int32), ACTIVITIES)


def successive(count: int) -> dict[tuple[int, ...], float]:
    """The probability of each set of `count` users who are drawn one after the other by activity, by enumeration."""
    chances = dict.fromkeys(combinations(range(4), count), 0.0)
    for order in permutations(range(4), count):
        chance, left = 1.0, ACTIVITIES.sum()
        for user in order:
            chance *= ACTIVITIES[user] / left
            left -= ACTIVITIES[user]
        chances[tuple(sorted(order))] += chance
    return chances


@pytest.mark.parametrize("rounds", [20, 1, 0])
@pytest.mark.parametrize("count", [1, 3])
def test_users_are_drawn_one_after_the_other_by_activity(rounds, count):
    rng = np.random.default_rng(6)
    options = {"first": np.empty(0, np.int32), "slots": SLOTS, "activities": ACTIVITIES, "rounds": rounds}
    drawn = [tuple(audience(rng, count, **options).tolist()) for _ in range(4_000)]
    chances = successive(count)
    observed = [drawn.count(users) for users in chances]
    assert stats.chisquare(observed, 4_000 * np.array(list(chances.values()))).pvalue > 0.001


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 30))
def test_audience_has_its_size_and_the_first_users(data, num_users):
    count = data.draw(st.integers(0, num_users))
    first = np.array(data.draw(st.permutations(range(num_users)))[: data.draw(st.integers(0, count))], np.int32)
    activities = np.array(data.draw(st.lists(st.integers(1, 1_000), min_size=num_users, max_size=num_users)))
    slots = np.repeat(np.arange(num_users, dtype=np.int32), activities)
    users = audience(np.random.default_rng(7), count, first=first, slots=slots, activities=activities)
    assert len(users) == count
    assert np.all(np.diff(users) > 0)
    assert set(first.tolist()) <= set(users.tolist())
