"""Weights of members on the validation part, for all alike and by features."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import ratings_of
from refeed.data.ratings import RatingScale
from refeed.models.ensemble.stacking import Features, Stacking, blend_weights, weights_by_feature

USERS, EACH = 60, 50


def world(*, moved: float, seed=0):
    """Two members that know the truth on one side of a feature each, as far as `moved` says, with noise elsewhere."""
    rng = np.random.default_rng(seed)
    truth, z = rng.normal(0, 1, USERS * EACH), rng.normal(0, 1, (USERS * EACH, 2)).astype(np.float32)
    noise = np.exp(moved * z[:, :1] * np.array([1.0, -1.0]))
    predictions = truth[:, None] + noise * rng.normal(0, 0.7, (USERS * EACH, 2))
    wide = RatingScale(-20.0, 20.0)
    valid = ratings_of(
        *((int(k) // EACH, int(k) % EACH, v) for k, v in enumerate(truth)),
        scale=wide,
    )
    return Stacking(valid, prior_ratings=10.0, varying=[0]), predictions.astype(np.float32), z, truth


def noisy(noise, *, ratings=4000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(3.5, 1.0, ratings)
    return truth + rng.normal(0, 1, (len(noise), ratings)) * np.array(noise)[:, None], truth


def test_weights_are_those_of_least_squares_when_there_are_many_ratings():
    predictions, truth = noisy([0.5, 1.0])
    design = np.column_stack((np.ones(len(truth)), predictions.T))
    expected = np.linalg.lstsq(design, truth, rcond=None)[0]
    np.testing.assert_allclose(blend_weights(predictions.T.astype(np.float32), truth, prior_ratings=1e-6), expected, atol=1e-4)
    assert expected[1] > 3 * expected[2]


def test_weights_stay_equal_when_the_prior_outweighs_the_ratings():
    predictions, truth = noisy([0.5, 1.0])
    weights = blend_weights(predictions.T.astype(np.float32), truth, prior_ratings=1e9)
    np.testing.assert_allclose(weights, [0, 0.5, 0.5], atol=1e-3)


def test_perfect_members_keep_equal_weights():
    truth = np.array([1.0, 2.0, 5.0])
    weights = blend_weights(np.stack([truth, truth], 1).astype(np.float32), truth, prior_ratings=1.0)
    np.testing.assert_allclose(weights, [0, 0.5, 0.5], atol=1e-6)


def test_weights_follow_the_feature_that_tells_which_member_is_right():
    stacking, predictions, z, _ = world(moved=0.8)
    alike, adapted = stacking.cross_fitted(predictions), stacking.cross_fitted(predictions, Features(z, 100.0))
    assert stacking.rmse(adapted) < 0.9 * stacking.rmse(alike)
    blend = stacking.fit(predictions, Features(z, 100.0))
    first, second = blend.by_feature[:, 1:]
    assert first[0] < -0.1 and first[1] > 0.1 and not second.any()


def test_features_that_say_nothing_change_next_to_nothing():
    for seed in range(5):
        stacking, predictions, z, _ = world(moved=0.0, seed=seed)
        adapted = stacking.cross_fitted(predictions, Features(z, 3000.0))
        assert stacking.rmse(adapted) == pytest.approx(stacking.rmse(stacking.cross_fitted(predictions)), rel=0.001)


def test_blend_is_the_ridge_regression_on_features_and_products():
    stacking, predictions, z, truth = world(moved=0.5)
    weights = blend_weights(predictions, truth, prior_ratings=10.0)
    blend = weights_by_feature(weights, predictions, Features(z, 50.0), truth, varying=[0])
    spread, centre = truth.std(), predictions.astype(float).mean()
    products = [z[:, 0] * (predictions[:, m] - centre) / spread for m in range(2)]
    design = np.column_stack([np.ones(len(truth)), z[:, 0], z[:, 1], *products]).astype(float)
    base = weights[0] + predictions @ weights[1:]
    solved = np.linalg.solve(design.T @ design + 50 * np.eye(5), design.T @ (truth - base))
    np.testing.assert_allclose(blend.predict(predictions, z), base + design @ solved, atol=1e-4)
    np.testing.assert_allclose(stacking.fit(predictions, Features(z, 50.0)).by_feature, blend.by_feature, atol=1e-6)


def test_strong_penalty_leaves_the_weights_alike():
    _, predictions, z, truth = world(moved=0.8)
    weights = blend_weights(predictions, truth, prior_ratings=10.0)
    blend = weights_by_feature(weights, predictions, Features(z, 1e12), truth, varying=[0, 1])
    np.testing.assert_allclose(blend.predict(predictions, z), weights[0] + predictions @ weights[1:], atol=1e-5)


def test_unit_of_the_ratings_plays_no_part():
    _, predictions, z, truth = world(moved=0.8)

    def in_units(unit):
        p, y = np.float32(1 / unit) * predictions, truth / unit
        weights = blend_weights(p, y, prior_ratings=10.0)
        return unit * weights_by_feature(weights, p, Features(z, 100.0), y, varying=[1, 0]).predict(p, z)

    np.testing.assert_allclose(in_units(128), in_units(1), atol=2e-3)


def test_predictions_of_a_user_do_not_depend_on_their_own_ratings():
    stacking, predictions, z, _ = world(moved=0.8)
    other, _, _, _ = world(moved=0.8)
    other._truth = stacking._truth.copy()
    other._truth[:EACH] += 5.0  # of the first user
    one, two = (s.cross_fitted(predictions, Features(z, 100.0)) for s in (stacking, other))
    assert np.array_equal(one[:EACH], two[:EACH]) and not np.array_equal(one[EACH:], two[EACH:])
    own_fold = stacking._users % 5 == 0
    assert np.array_equal(one[own_fold], two[own_fold])
