"""The bias baseline, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, predictions_of, ratings_of, split_of
from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError
from refeed.models import Bias
from refeed.models.bias import BiasFitter
from refeed.training.train import train

RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))


def fitted(**options):
    return train(Bias(item_regularisation=1, user_regularisation=1, **options), split_of(RATINGS))


def test_one_sweep_by_hand():
    # mean 4; items (1 + 0) / 3 and -1 / 2; users (2/3 - 1/2) / 3 = 1/18 and -1/3 / 2 = -1/6
    expected = [[4 + 1 / 18 + 1 / 3, 4 + 1 / 18 - 1 / 2], [4 - 1 / 6 + 1 / 3, 4 - 1 / 6 - 1 / 2]]
    np.testing.assert_allclose(predictions_of(fitted(sweeps=1)), expected, rtol=1e-6)


def test_second_sweep_by_hand():
    # items ((1 - 1/18) + (0 + 1/6)) / 3 = 10/27 and (-1 - 1/18) / 2 = -19/36; users from these
    items = np.array([10 / 27, -19 / 36])
    users = np.array([(1 - items[0] - 1 - items[1]) / 3, (0 - items[0]) / 2])
    np.testing.assert_allclose(predictions_of(fitted(sweeps=2)), 4 + users[:, None] + items, rtol=1e-6)


def planted():
    """60 users and 40 items with biases, three quarters of the pairs rated without noise."""
    rng = np.random.default_rng(0)
    user_bias, item_bias = rng.normal(0, 0.5, 60), rng.normal(0, 0.5, 40)
    user_bias, item_bias = user_bias - user_bias.mean(), item_bias - item_bias.mean()
    # those who rate more than others like what is good, so items and users must be told apart
    rated = rng.random((60, 40)) < 0.4 + 0.6 * (user_bias[:, None] * item_bias > 0)
    truth = 3 + user_bias[:, None] + item_bias
    return ratings_of(*((int(u), int(i), truth[u, i]) for u, i in np.argwhere(rated)), scale=RatingScale(-9, 9)), truth


def test_planted_biases_are_recovered_by_the_joint_form_alone():
    ratings, truth = planted()
    error = {}
    for sweeps in (1, 30):
        spec = Bias(item_regularisation=0, user_regularisation=0, sweeps=sweeps)
        error[sweeps] = np.abs(predictions_of(train(spec, split_of(ratings))) - truth).max()
    assert error[30] < 1e-4 and error[1] > 0.05


def test_joint_form_is_the_minimum_of_the_regularised_squared_error():
    ratings, _ = planted()
    history = ratings.rows()
    features = np.zeros((len(ratings), 100))
    features[np.arange(len(ratings)), history.row_of_rating] = 1
    features[np.arange(len(ratings)), 60 + history.indices] = 1
    mean = history.values.mean()
    penalty = np.repeat([4.0, 7.0], [60, 40])
    biases = np.linalg.solve(features.T @ features + np.diag(penalty), features.T @ (history.values - mean))
    spec = Bias(item_regularisation=7, user_regularisation=4, sweeps=10)
    got = predictions_of(train(spec, split_of(ratings)))
    np.testing.assert_allclose(got, mean + biases[:60, None] + biases[60:], atol=1e-4)


def test_new_user_has_a_bias_from_the_history():
    model = fitted(sweeps=1).model
    # (5 - 4 - 1/3) / (1 + 1) = 1/3
    assert model.scorer().score_rows(history_of({0: 5.0}, num_items=2))[0].tolist() == pytest.approx([4 + 2 / 3, 4 - 1 / 6])


def test_log_holds_one_epoch_with_the_training_error():
    result = fitted(sweeps=1)
    (record,) = result.provenance.log
    errors = np.array([5 - (4 + 7 / 18), 3 - (3.5 + 1 / 18), 4 - (4 + 1 / 6)])
    assert record["train_rmse"] == pytest.approx(math.sqrt(np.square(errors).mean()), rel=1e-6)
    assert record["learning_rate"] is None and record["refeed_loss"] is None
    assert result.num_parameters == 0 and result.provenance.options == {}


def test_fitter_of_the_bias_baseline_is_one_step_without_state():
    spec = Bias(item_regularisation=1, user_regularisation=1, sweeps=1)
    fitter = BiasFitter(spec.build(2, 2, seed=0), RATINGS, spec)
    assert (fitter.epochs, fitter.num_steps(0), fitter.learning_rate(0), fitter.state()) == (1, 1, None, {})
    report = fitter.train_step(0, 0)
    errors = np.array([5 - (4 + 7 / 18), 3 - (3.5 + 1 / 18), 4 - (4 + 1 / 6)])
    assert report.squared_error == pytest.approx(float(errors @ errors), rel=1e-6)
    fitter.load_state({"anything": torch.zeros(1)})
    assert fitter.train_step(0, 0) == report


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"user_regularisation": math.nan}, "user_regularisation: expected at least 0, got nan"),
        ({"sweeps": 0}, "sweeps: expected at least 1, got 0"),
        ({"sweeps": "many"}, "sweeps: expected a whole number, got 'many'"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Bias(**options)
