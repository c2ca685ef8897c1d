"""SVD++: what a user's side is, against the normal equations; what a prediction is made of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.errors import ConfigError
from refeed.models import SvdPlusPlus
from refeed.models.svd_plus_plus.time_terms import YEAR

ITEMS, REGULARISATION = 5, 0.7
HISTORY = history_of({0: 5.0, 1: 2.0, 3: 4.0}, {}, {4: 1.0}, num_items=ITEMS)
TIMES = np.array([0, 4, 2, 1]) * int(YEAR)
YEARS = int(4 * YEAR)


def model_of(**options):
    """Random numbers all over."""
    model = SvdPlusPlus(factors=2, regularisation=REGULARISATION, time_bins=2, **options).build(9, ITEMS, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
    model.mean.fill_(3.0)
    if model.time is not None:
        model.time.begin_training(np.array([0, YEARS]))
    return model


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def implicit_of(model, items):
    return array(model.implicit_factors)[items].sum(0) / math.sqrt(max(1, len(items)))


def ridge(features, targets):
    return np.linalg.solve(features.T @ features + REGULARISATION * np.eye(features.shape[1]), features.T @ targets)


def test_prediction_is_that_of_the_normal_equations():
    model, items = model_of(), HISTORY.indices[:3]
    q, bias, implicit = array(model.item_factors), array(model.item_bias), implicit_of(model, items)
    features = np.column_stack([q[items], np.ones(3)])
    solved = ridge(features, HISTORY.values[:3] - 3 - bias[items] - q[items] @ implicit)
    expected = 3 + bias + solved[2] + q @ (solved[:2] + implicit)
    np.testing.assert_allclose(model.scorer().score_rows(HISTORY)[0], expected, rtol=1e-4, atol=1e-4)


def test_user_without_ratings_gets_mean_and_item_biases():
    model = model_of()
    np.testing.assert_allclose(model.scorer().score_rows(HISTORY)[1], 3 + array(model.item_bias), rtol=1e-6)


def test_drift_is_solved_for_together_with_vector_and_bias():
    model, items = model_of(time_aware=True), HISTORY.indices[:3]
    history = replace(HISTORY, timestamps=TIMES)
    q, bias, implicit = array(model.item_factors), array(model.item_bias), implicit_of(model, items)
    bins = np.array([0, 1, 1])
    around = np.sign(TIMES[:3] - 2 * YEAR) * np.abs(TIMES[:3] / YEAR - 2) ** 0.4
    features = np.column_stack([q[items], np.ones(3), around])
    binned = array(model.time.item_bias)
    solved = ridge(features, HISTORY.values[:3] - 3 - bias[items] - binned[items, bins] - q[items] @ implicit)
    level = 3 + bias + solved[2] + q @ (solved[:2] + implicit)
    scorer = model.scorer()
    np.testing.assert_allclose(
        scorer.score_rows(history)[0], level + binned[:, 1] + solved[3] * 2**0.4, rtol=1e-4, atol=1e-4
    )  # at the latest time
    requested = np.arange(ITEMS)
    early = scorer.predict_pairs(history, np.zeros(ITEMS, np.int64), requested, np.full(ITEMS, int(YEAR)))
    np.testing.assert_allclose(early, level + binned[:, 0] - solved[3], rtol=1e-4, atol=1e-4)


def test_one_pair_may_be_requested_at_several_times():
    model, history = model_of(time_aware=True), replace(HISTORY, timestamps=TIMES)
    times = np.array([YEARS, 0, YEARS], np.int64)
    first, second, third = model.scorer().predict_pairs(history, np.array([2, 2, 2]), np.array([3, 3, 3]), times)
    assert first == third and abs(first - second) > 0.01


def test_pairs_without_times_are_of_the_latest_time():
    model, history = model_of(time_aware=True), replace(HISTORY, timestamps=TIMES)
    rows, items = np.divmod(np.arange(3 * ITEMS), ITEMS)
    scorer = model.scorer()
    expected = scorer.score_rows(history)[rows, items]
    np.testing.assert_allclose(scorer.predict_pairs(history, rows, items), expected, rtol=1e-5, atol=1e-5)
    latest = np.array([YEARS, YEARS, int(YEAR)])
    np.testing.assert_allclose(scorer.predict_pairs(history, rows, items, latest[rows]), expected, rtol=1e-5, atol=1e-5)


def test_history_without_times_has_no_drift():
    model = model_of(time_aware=True)
    rows, items = np.zeros(ITEMS, np.int64), np.arange(ITEMS)
    scorer = model.scorer()
    at_the_end = scorer.predict_pairs(HISTORY, rows, items, np.full(ITEMS, YEARS))
    np.testing.assert_allclose(at_the_end, scorer.score_rows(HISTORY)[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scorer.predict_pairs(HISTORY, rows, items, np.full(ITEMS, 3 * YEARS)), at_the_end, rtol=1e-5)


def test_summary_says_whether_time_is_known():
    assert SvdPlusPlus().summary(5, 5) == "SVD++, 50 factors"
    assert SvdPlusPlus(factors=8, time_aware=True).summary(5, 5) == "time-SVD++, 8 factors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"time_bins": 0}, "time_bins: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"patience": 0}, "patience: expected at least 1 or none, got 0"),
        ({"regularisation": 0}, "regularisation: expected above 0, got 0"),
        ({"learning_rate": math.nan}, "learning_rate: expected above 0, got nan"),
        ({"implicit_regularisation": -1}, "implicit_regularisation: expected at least 0, got -1"),
        ({"time_aware": "yes"}, "time_aware: expected true or false, got 'yes'"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        SvdPlusPlus(**options)
