"""EASE against regressions solved one item at a time, and lines through points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import predictions_of, random_ratings, random_split, ratings_of, split_of
from refeed.errors import TrainingError
from refeed.models import Ease
from refeed.models.ease import LEAST_SLOPE, EaseFitter, Line, LineSums, item_weights
from refeed.runtime import Runtime
from refeed.training.train import train


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
    # each person's scores are the preferences, shifted by the person and scaled by one rising line
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
        asked = split.test.rows()
        predicted = result.model.scorer().predict_pairs(split.train.rows(), asked.row_of_rating, asked.indices)
        rmse[gain] = np.sqrt(np.square(predicted - asked.values).mean())
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
