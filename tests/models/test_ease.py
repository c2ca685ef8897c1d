"""EASE: its predictions, against regressions solved item by item, and lines through points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, predictions_of, random_ratings, random_split, ratings_of, split_of
from refeed.errors import ConfigError, TrainingError
from refeed.models import Ease
from refeed.models.ease import LEAST_SLOPE, EaseFitter, EaseScorer, Line, LineSums, item_weights
from refeed.runtime import Runtime
from refeed.training.train import train

WEIGHTS = np.array([[0.0, 0.5, 0.1], [0.2, 0.0, 0.3], [0.4, -0.1, 0.0]], np.float32)


def model_of(target, *, level=0.0):
    """mean 3, item biases 1, 0, -1, user biases of sum / (count + 1)."""
    model = Ease(target=target, user_regularisation=1.0).build(2, 3, seed=0)
    model.offsets.set(3.0, np.array([1.0, 0.0, -1.0]))
    model.weights.copy_(torch.from_numpy(WEIGHTS))
    model.level.fill_(level)
    return model


def test_ratings_are_bias_plus_weighted_residuals():
    # of item 0 rated 5 and item 1 rated 4: user bias (1 + 1) / 3, residuals 1 - 2/3 = 1/3 twice
    scores = model_of("ratings").scorer().score_rows(history_of({0: 5.0, 1: 4.0}, num_items=3))[0]
    expected = 3 + 2 / 3 + np.array([1 + 0.2 / 3, 0.5 / 3, -1 + (0.1 + 0.3) / 3])
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_choices_are_weighted_whatever_their_ratings():
    scores = (
        model_of("implicit", level=-0.5).scorer().score_rows(history_of({0: 5.0, 1: 4.0}, {0: 1.0, 1: 1.0}, {}, num_items=3))
    )
    preferences = np.array([0.2, 0.5, 0.4])
    np.testing.assert_allclose(scores[0], 3 + 2 / 3 - 0.5 + preferences, rtol=1e-6)
    np.testing.assert_allclose(scores[1] - scores[1, 0], preferences - 0.2, atol=1e-6)
    np.testing.assert_allclose(scores[2], 2.5)


def test_pairs_are_scored_in_blocks_of_users():
    model, history = model_of("ratings"), history_of(*({user % 3: 1.0 + user % 5} for user in range(7)), num_items=3)
    rows, items = np.array([6, 0, 3, 3, 5, 0, 6]), np.array([0, 1, 2, 2, 1, 0, 2])
    scorer = EaseScorer(model, scores_per_block=6)  # two users of three items
    assert np.array_equal(scorer.predict_pairs(history, rows, items), scorer.score_rows(history)[rows, items])


def test_too_many_items_are_refused_with_the_memory_they_take():
    with pytest.raises(ConfigError, match=r"30,000 items are more than most_items = 20,000\n.*about 22 GB.*most_items=30000"):
        Ease().build(10, 30_000, seed=0)
    assert Ease(most_items=5).build(10, 5, seed=0).weights.shape == (5, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regularisation": 0}, "regularisation: expected above 0, got 0"),
        ({"regularisation": math.nan}, "regularisation: expected above 0, got nan"),
        ({"target": "clicks"}, "target: 'clicks' is not a choice"),
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"user_regularisation": math.inf}, "user_regularisation: expected at least 0, got inf"),
        ({"most_items": 0}, "most_items: expected at least 1, got 0"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Ease(**options)


def test_summary_says_the_target():
    assert Ease(target="implicit").summary(5, 1200) == "EASE over 1,200 items, implicit"


def one_item_at_a_time(x, regularisation):
    """argmin |X - X B|^2 + regularisation |B|^2 with a zero diagonal: a ridge regression of each column on the others."""
    n = x.shape[1]
    weights = np.zeros((n, n))
    for item in range(n):
        others = np.delete(np.arange(n), item)
        system = x[:, others].T @ x[:, others] + regularisation * np.eye(n - 1)
        weights[others, item] = np.linalg.solve(system, x[:, others].T @ x[:, item])
    return weights


def test_closed_form_is_the_ridge_regression_of_each_item_on_the_others():
    x = np.random.default_rng(0).normal(size=(12, 6))
    got = item_weights(torch.from_numpy(x.T @ x), 0.7).numpy()
    np.testing.assert_allclose(got, one_item_at_a_time(x, 0.7), atol=1e-12)


def fitted(target, ratings, **options):
    return train(Ease(target=target, **options), split_of(ratings), runtime=Runtime(threads=1))


def test_choices_are_ranked_by_the_closed_form(monkeypatch):
    monkeypatch.setattr("refeed.models.ease.SCORES_PER_BLOCK", 60)  # four users at once
    ratings = random_ratings()
    history = ratings.rows()
    x = np.zeros((ratings.num_users, ratings.num_items))
    x[history.row_of_rating, history.indices] = 1.0
    scores = x @ one_item_at_a_time(x, 3.0)
    got = predictions_of(fitted("implicit", ratings, regularisation=3.0))
    # each user's scores are the preferences, shifted by the user and scaled by one rising line
    centred, wanted = got - got.mean(1, keepdims=True), scores - scores.mean(1, keepdims=True)
    slope = (centred * wanted).sum() / (wanted**2).sum()
    assert slope >= LEAST_SLOPE - 1e-6
    np.testing.assert_allclose(centred, slope * wanted, atol=1e-5)


def test_ratings_are_the_closed_form_of_residuals_times_the_best_gain():
    ratings = random_ratings()
    result = fitted("ratings", ratings, regularisation=3.0)
    history, offsets = ratings.rows(), result.model.offsets
    places = history.row_of_rating, history.indices
    x = np.zeros((ratings.num_users, ratings.num_items))
    x[places] = history.values - offsets.of_entries(history)
    scores = x @ one_item_at_a_time(x, 3.0)
    gain = (scores[places] @ x[places]) / (scores[places] @ scores[places])
    expected = gain * scores + offsets.user_part(history)[:, None] + offsets.item_part()
    np.testing.assert_allclose(predictions_of(result), expected, atol=1e-5)
    error = np.square(expected[places] - history.values).mean()
    assert result.provenance.log[0]["train_rmse"] == pytest.approx(np.sqrt(error), rel=1e-4)
    assert gain > 1.05  # B also had to explain the zeros


def test_planted_taste_is_told_better_than_by_biases():
    split = random_split(users=300, items=40, share=0.3, seed=4)
    rmse = {}
    for gain in (True, False):
        result = train(Ease(regularisation=20.0), split, runtime=Runtime(threads=1))
        if not gain:
            result.model.weights.zero_()
        requested = split.test.rows()
        predicted = result.model.scorer().predict_pairs(split.train.rows(), requested.row_of_rating, requested.indices)
        rmse[gain] = np.sqrt(np.square(predicted - requested.values).mean())
    assert rmse[True] < 0.85 * rmse[False]


def test_line_through_zero_and_rising_line_by_hand():
    points = LineSums(count=3, x=3, y=9, xx=5, xy=13, yy=35)  # (0, 1), (1, 3), (2, 5)
    line = points.rising_line()
    assert (line.slope, line.level) == pytest.approx((2.0, 1.0))
    assert points.squared_error(Line(2.0, 1.0)) == 0.0
    assert points.line_through_zero() == Line(slope=2.6, level=0.0)
    assert points.squared_error(Line(2.6, 0.0)) == pytest.approx(1 + 0.4**2 + 0.2**2)


def test_falling_points_get_the_least_rising_line():
    points = LineSums(count=2, x=1, y=1, xx=1, xy=0, yy=1)  # (0, 1), (1, 0)
    assert points.rising_line() == Line(slope=LEAST_SLOPE, level=0.5 - LEAST_SLOPE / 2)


def test_scores_that_are_all_zero_leave_the_line_flat():
    nothing = LineSums(count=2, x=0, y=1, xx=0, xy=0, yy=1)
    assert nothing.line_through_zero() == Line(0.0, 0.0)
    assert nothing.rising_line() == Line(LEAST_SLOPE, 0.5)


def test_gram_matrix_without_an_inverse_is_refused_with_what_to_do():
    with pytest.raises(TrainingError, match=r"cannot be inverted with regularisation 1e-30\n  Raise regularisation"):
        item_weights(torch.ones(3, 3, dtype=torch.float64), 1e-30)


def test_fitter_is_one_step_without_state():
    spec = Ease(regularisation=1.0)
    ratings = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4), ("v", "b", 1))
    fitter = EaseFitter(spec.build(2, 2, seed=0), ratings, spec)
    assert (fitter.epochs, fitter.patience, fitter.num_steps(0), fitter.learning_rate(0), fitter.state()) == (
        1,
        None,
        1,
        None,
        {},
    )
    report = fitter.train_step(0, 0)
    fitter.load_state({"anything": torch.zeros(1)})
    assert fitter.train_step(0, 0) == report
    fitter.close()
