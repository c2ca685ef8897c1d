"""A synthetic world: which users rate which items, when, and how."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from refeed.data.synthetic import world as world_module
from refeed.data.synthetic.world import SIZES, TASTE_WIDTH, SyntheticWorld, synthetic_world

SPAN = 1_000_000


@pytest.fixture(scope="module")
def world() -> SyntheticWorld:
    """The density of the Netflix Prize at a twentieth of its users and items."""
    return synthetic_world(24_000, 888, 250_000, seed=3, span=SPAN)


@pytest.fixture(scope="module")
def columns(world) -> dict[str, np.ndarray]:
    """Its ratings as columns."""
    items = list(world)
    table = {name: np.concatenate([getattr(ratings, name) for ratings in items]) for name in ("users", "stars", "times")}
    return table | {"items": np.repeat(np.arange(world.num_items), world.counts)}


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.integers(0, 5))
def test_every_user_rates_something_no_pair_twice_and_the_total_is_met(data, num_users, num_items, seed):
    num_ratings = data.draw(st.integers(num_users, num_users * num_items))
    world = synthetic_world(num_users, num_items, num_ratings, seed=seed, span=SPAN)
    pairs = [(user, ratings.item) for ratings in world for user in ratings.users.tolist()]
    assert len(pairs) == len(set(pairs)) == num_ratings == world.num_ratings
    assert {user for user, _ in pairs} == set(range(num_users))
    assert {item for _, item in pairs} == set(range(num_items)) or num_ratings < num_items


def test_ratings_of_an_item_are_the_same_however_often_they_are_generated(world):
    again = synthetic_world(24_000, 888, 250_000, seed=3, span=SPAN)
    for ratings in reversed([world.ratings_of(item) for item in (5, 0, 700)]):
        other = again.ratings_of(ratings.item)
        for name in ("users", "stars", "times"):
            np.testing.assert_array_equal(getattr(ratings, name), getattr(other, name))


def test_other_seed_makes_another_world(world):
    other = synthetic_world(24_000, 888, 250_000, seed=4, span=SPAN)
    assert not np.array_equal(world.counts, other.counts)
    assert not np.array_equal(world.traits, other.traits)


def test_nobody_rates_before_joining_or_before_the_item_appears(world, columns):
    earliest = np.maximum(world.joined[columns["users"]], world.released[columns["items"]])
    assert np.all(columns["times"] >= np.floor(earliest * SPAN))
    assert columns["times"].max() < SPAN


def test_active_users_rate_more(world, columns):
    counts = np.bincount(columns["users"], minlength=world.num_users)
    assert stats.spearmanr(counts, world.activities).statistic > 0.8


def test_ids_and_traits_do_not_depend_on_the_order_of_users(world):
    order = np.arange(world.num_users)
    for column in (world.activities, world.joined, *world.traits.T):
        assert abs(stats.spearmanr(order, column).statistic) < 0.03


def test_stars_have_mean_and_spread_of_the_netflix_prize(columns):
    assert columns["stars"].mean() == pytest.approx(3.60, abs=0.06)
    assert columns["stars"].std() == pytest.approx(1.085, abs=0.03)
    assert set(np.unique(columns["stars"])) == {1, 2, 3, 4, 5}


def test_stars_are_those_of_the_equation_in_the_docs(world, columns, monkeypatch):
    monkeypatch.setattr(world_module, "NOISE", 0.0)
    ratings = world.ratings_of(int(np.argmax(world.counts)))
    when = np.maximum(world.joined[ratings.users], world.released[ratings.item])
    taste, drift, bias = np.split(world.traits[ratings.users], [TASTE_WIDTH, 2 * TASTE_WIDTH], axis=1)
    quality, item_bias = world.qualities[ratings.item, :-1], world.qualities[ratings.item, -1]
    moment = (ratings.times + 0.5) / SPAN
    assert np.all(moment > when - 1 / SPAN)
    level = 3.7 + bias[:, 0] + item_bias + ((taste + drift * (moment - 0.75)[:, None]) * quality).sum(axis=1)
    clear = np.abs(level % 1 - 0.5) > 1e-4  # the time in whole seconds hides a little of the moment
    np.testing.assert_array_equal(ratings.stars[clear], np.clip(np.rint(level), 1, 5)[clear])
    assert clear.mean() > 0.99


def test_biases_explain_part_of_the_stars_and_taste_a_clear_part_of_the_rest(world, columns):
    users, items, stars = columns["users"], columns["items"], columns["stars"]
    taste, drift, bias = np.split(world.traits[users], [TASTE_WIDTH, 2 * TASTE_WIDTH], axis=1)
    qualities = world.qualities[items]
    biases = bias[:, 0] + qualities[:, -1]
    moved = taste + drift * (columns["times"] / SPAN - 0.75)[:, None]
    tastes, still = ((part * qualities[:, :-1]).sum(axis=1) for part in (moved, taste))

    def error_of(*regressors: np.ndarray) -> float:
        """The RMSE of the least-squares fit to these."""
        design = np.column_stack([np.ones(len(stars)), *regressors])
        solution = np.linalg.lstsq(design, stars, rcond=None)[0]
        return float(np.sqrt(np.mean((stars - design @ solution) ** 2)))

    assert error_of(biases) == pytest.approx(0.96, abs=0.02)
    assert error_of(biases, still) == pytest.approx(0.855, abs=0.02)
    assert error_of(biases, tastes) < error_of(biases, still) - 0.008


def test_popular_items_are_liked_more(world):
    popular = np.argsort(world.counts)[-200:]
    rare = np.argsort(world.counts)[:200]
    assert world.qualities[popular, -1].mean() > world.qualities[rare, -1].mean() + 0.2


def test_other_scales_stretch_the_stars():
    world = synthetic_world(200, 50, 4_000, seed=0, span=SPAN, scale=(0, 10))
    stars = np.concatenate([ratings.stars for ratings in world])
    assert set(stars.tolist()) == set(range(11))
    assert stars.mean() == pytest.approx(10 * 2.6 / 4, abs=0.5)


def test_sizes_of_published_data_sets_can_be_met():
    for num_users, num_items, num_ratings in SIZES.values():
        assert max(num_users, num_items) <= num_ratings <= num_users * num_items
