"""Predictions of given pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, ratings_of
from refeed.errors import ConfigError, DataError
from refeed.inference import predict as predict_module
from refeed.inference.predict import predict, predict_interval
from refeed.intervals.conformal import RatingIntervals
from refeed.intervals.spread import ResidualVariance
from refeed.models.common.bias_model import BiasModel, BiasScorer

TRAIN = ratings_of(("u1", "a", 4), ("u1", "b", 2), ("u2", "c", 3), ("u3", "d", 1))
FITTED = model_of_item_biases(TRAIN, [0.5, -1.0, 3.0, 0.0])
ERRORS, SPREAD = np.array([0.1, 0.2, 0.3, 0.4]), np.ones(4)
SURE = replace(FITTED, intervals=RatingIntervals.learn(ResidualVariance.of(TRAIN), ERRORS, SPREAD))


@pytest.mark.parametrize("block", [1, 2, 4096])
def test_pairs_in_any_order_and_repeated_are_answered_in_theirs(monkeypatch, block):
    monkeypatch.setattr(predict_module, "USERS_PER_BLOCK", block)
    users, items = ["u3", "u1", "u3", "u2", "u1", "u1"], ["a", "b", "a", "c", "d", "b"]
    assert predict(FITTED, users, items).tolist() == [3.5, 2.0, 3.5, 5.0, 3.0, 2.0]


def test_unknown_ids_are_refused_or_become_nan():
    users, items = ["u1", "u9", "u2"], ["a", "a", "z"]
    with pytest.raises(DataError, match="unknown user 'u9'"):
        predict(FITTED, users, items)
    np.testing.assert_array_equal(predict(FITTED, users, items, unknown="null"), [3.5, np.nan, np.nan])


def test_given_histories_bring_new_users_with_them():
    history = ratings_of(("new", "b", 1), ("new", "zz", 5))
    assert predict(FITTED, ["new"], ["c"], history=history).tolist() == [5.0]


def test_no_pairs_are_no_predictions():
    assert predict(FITTED, [], []).shape == (0,)


def test_users_and_items_of_different_length_are_refused():
    with pytest.raises(DataError, match="users and items: expected the same number of ids, got 2 and 1"):
        predict(FITTED, ["u1", "u2"], ["a"])


def test_model_without_histories_needs_them_given():
    bare = model_of_item_biases(TRAIN, [0.5, -1.0, 3.0, 0.0], keep_histories=False)
    with pytest.raises(DataError, match="keeps no histories"):
        predict(bare, ["u1"], ["a"])
    assert predict(bare, ["u1"], ["b"], history=TRAIN).tolist() == [2.0]


@pytest.mark.parametrize("block", [1, 4096])
def test_interval_lies_around_each_prediction_in_the_order_of_the_pairs(monkeypatch, block):
    monkeypatch.setattr(predict_module, "USERS_PER_BLOCK", block)
    users, items = ["u3", "u1", "u2", "u1"], ["a", "b", "c", "d"]
    found = predict_interval(SURE, users, items, level=0.6)
    spread = SURE.intervals.residual_variance.spread(TRAIN.rows(), np.array([2, 0, 1, 0]), np.array([0, 1, 2, 3]))
    assert np.array_equal(found.predictions, predict(SURE, users, items))
    np.testing.assert_allclose(found.low, found.predictions - 0.3 * spread, rtol=1e-6)
    np.testing.assert_allclose(found.high, np.minimum(found.predictions + 0.3 * spread, 5.0), rtol=1e-6)


def test_interval_of_an_unknown_pair_is_nan_and_of_a_new_user_from_their_history():
    history = ratings_of(("new", "b", 1), ("other", "a", 3))
    found = predict_interval(SURE, ["new", "u1"], ["d", "d"], level=0.5, history=history, unknown="null")
    assert np.isnan(found.low).tolist() == np.isnan(found.high).tolist() == [False, True]
    assert found.low[0] < found.predictions[0] < found.high[0]


def test_model_without_intervals_and_level_out_of_range_are_refused():
    with pytest.raises(DataError, match=r"has no prediction intervals(.|\n)*Train it with a validation set"):
        predict_interval(FITTED, ["u1"], ["a"], level=0.9)
    with pytest.raises(ConfigError, match=r"level: expected above 0 and below 1, .* got 90"):
        predict_interval(SURE, ["u1"], ["a"], level=90)


class Clock(BiasModel):
    """Predicts 1 + the hour of the given time; 5 where it is not known."""

    def scorer(self):
        return ClockScorer(self.offsets)


class ClockScorer(BiasScorer):
    def predict_pairs(self, history, rows, items, times=None):
        return np.full(len(rows), 5.0) if times is None else 1.0 + times / 3600


def test_times_go_to_the_model_with_their_pairs():
    timed = replace(SURE, model=Clock(FITTED.model.offsets, 3, 4))
    users, items = ["u3", "u1", "u9", "u1"], ["a", "b", "a", "c"]
    options = {"unknown": "null"}
    assert predict(timed, users, items, **options).tolist()[:2] == [5.0, 5.0]
    times = [3600, 2 * 3600, 0, 0]
    expected = [2.0, 3.0, np.nan, 1.0]
    np.testing.assert_array_equal(predict(timed, users, items, times=times, **options), expected)
    np.testing.assert_array_equal(predict(timed, users, items, times=7200, **options), [3.0, 3.0, np.nan, 3.0])
    np.testing.assert_array_equal(
        predict_interval(timed, users, items, level=0.5, times=times, **options).predictions, expected
    )


@pytest.mark.parametrize("times", [[1, 2], 1.5, ["now"], [[1, 2, 3]]])
def test_times_that_are_none_are_refused(times):
    with pytest.raises(DataError, match="times: expected whole seconds since 1970, 3 of them or one for all pairs, got "):
        predict(FITTED, ["u1", "u2", "u3"], ["a", "a", "a"], times=times)
