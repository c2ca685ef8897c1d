"""Synthetic ratings in memory have the sizes, ids and order that were given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.synthetic.in_memory import FIRST_SECOND, SPAN_SECONDS, synthetic_ratings
from refeed.data.synthetic.world import synthetic_world
from refeed.errors import ConfigError


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_counts_are_met_and_pairs_distinct_up_to_a_full_table(data, num_users, num_items):
    num_ratings = data.draw(st.integers(num_users, num_users * num_items))
    ratings = synthetic_ratings(num_users, num_items, num_ratings, seed=data.draw(st.integers(0, 5)))
    assert len(ratings) == num_ratings
    assert ratings.users.decode(range(num_users)) == list(range(1, num_users + 1))
    assert ratings.user_counts.min() >= 1
    assert set(ratings.items.ids.to_pylist()) <= set(range(1, num_items + 1))
    assert ratings.num_items == num_items or num_ratings < num_items


def test_ratings_are_those_of_the_streamed_world():
    ratings = synthetic_ratings(50, 40, 500, seed=3)
    world = synthetic_world(50, 40, 500, seed=3, span=SPAN_SECONDS)
    streamed = [
        (int(user) + 1, ratings.item + 1, float(star), FIRST_SECOND + int(time))
        for ratings in world
        for user, star, time in zip(ratings.users, ratings.stars, ratings.times, strict=True)
    ]
    columns = (column.to_pylist() for column in ratings.to_arrow().columns)
    assert list(zip(*columns, strict=True)) == sorted(streamed)


def test_same_seed_gives_the_same_ratings():
    first, again, other = (synthetic_ratings(50, 40, 500, seed=seed).fingerprint for seed in (1, 1, 2))
    assert first == again != other


def test_values_are_whole_stars_within_the_scale():
    ratings = synthetic_ratings(200, 100, 5_000, scale=(0, 10))
    assert set(np.unique(ratings.values).tolist()) == set(range(11))
    assert (ratings.scale.minimum, ratings.scale.maximum) == (0, 10)


def test_times_lie_within_four_years():
    ratings = synthetic_ratings(200, 100, 5_000)
    assert ratings.timestamps.min() >= FIRST_SECOND
    assert ratings.timestamps.max() < FIRST_SECOND + SPAN_SECONDS
    assert np.ptp(ratings.timestamps) > 0.8 * SPAN_SECONDS


def test_demo_world_has_long_tails():
    ratings = synthetic_ratings(600, 2_000, 100_000)
    assert ratings.num_items == 2_000
    for counts in (ratings.user_counts, ratings.item_counts):
        top_tenth = np.sort(counts)[-len(counts) // 10 :]
        assert 0.25 < top_tenth.sum() / len(ratings) < 0.7
    assert ratings.user_counts.max() < 1_400


def test_biases_explain_part_of_the_ratings_and_not_all():
    ratings = synthetic_ratings(300, 200, 20_000)
    rows, values = ratings.row_of_rating, ratings.values.astype(float)
    centred = values - values.mean()
    user_bias = np.bincount(rows, centred) / ratings.user_counts
    centred -= user_bias[rows]
    item_bias = np.bincount(ratings.indices, centred) / ratings.item_counts
    unexplained = np.var(centred - item_bias[ratings.indices]) / np.var(values)
    assert 0.5 < unexplained < 0.8


@pytest.mark.parametrize("num_ratings", [9, 51])
def test_impossible_number_of_ratings_is_refused(num_ratings):
    with pytest.raises(
        ConfigError, match=f"one for each of 10 users and at most one for each of their 50 pairs .*got {num_ratings}"
    ):
        synthetic_ratings(10, 5, num_ratings)


def test_scale_of_one_star_is_refused():
    with pytest.raises(ConfigError, match="scale: expected a smallest star below the largest, got 5 and 5"):
        synthetic_ratings(10, 5, 20, scale=(5, 5))
