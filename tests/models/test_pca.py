"""PCA with missing ratings: its predictions, and against NumPy's SVD."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, predictions_of, ratings_of, split_of
from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError
from refeed.models import Pca
from refeed.models.pca import SoftImputeFitter
from refeed.runtime import Runtime
from refeed.training.train import train

DIRECTIONS = np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]], np.float32)
VALUES = np.array([9.0, 4.0], np.float32)


def model_of(regularisation):
    model = Pca(factors=2, regularisation=regularisation, offsets="mean").build(5, 3, seed=0)
    model.offsets.set(3.0, np.zeros(3))
    model.directions.copy_(torch.from_numpy(DIRECTIONS))
    model.singular_values.copy_(torch.from_numpy(VALUES))
    return model


def test_user_is_projected_by_a_ridge_regression():
    # components (1.8, 0), (2.4, 0), (0, 2); of residuals 1 and 2 of items 0 and 2: codes 1.8 / (1.8^2 + 1), 4 / (4 + 1)
    codes = 1.8 / 4.24, 0.8
    scores = model_of(1.0).scorer().score_rows(history_of({0: 4.0, 2: 5.0}, num_items=3))[0]
    np.testing.assert_allclose(scores, [3 + 1.8 * codes[0], 3 + 2.4 * codes[0], 3 + 2 * codes[1]], rtol=1e-5)


def test_without_regularisation_ratings_in_the_span_are_reproduced_and_the_open_rest_is_zero():
    scores = model_of(0.0).scorer().score_rows(history_of({0: 3.6}, num_items=3))[0]
    np.testing.assert_allclose(scores, [3.6, 3.8, 3.0], atol=1e-4)


def test_user_without_ratings_gets_the_offsets():
    np.testing.assert_allclose(model_of(1.0).scorer().score_rows(history_of({}, num_items=3)), 3.0)


def test_rank_is_at_most_the_number_of_users_and_items():
    assert Pca(factors=50).build(4, 9, seed=0).directions.shape == (9, 4)
    assert Pca(factors=50).summary(40, 9) == "PCA with missing ratings, rank 9"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"patience": 0}, "patience: expected at least 1 or none, got 0"),
        ({"regularisation": -1}, "regularisation: expected at least 0, got -1"),
        ({"item_regularisation": math.inf}, "item_regularisation: expected at least 0, got inf"),
        ({"user_regularisation": math.nan}, "user_regularisation: expected at least 0, got nan"),
        ({"offsets": "median"}, "offsets: 'median' is not a choice"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Pca(**options)


WIDE = RatingScale(-1000.0, 1000.0)


def ratings_at(matrix, known):
    return ratings_of(*((int(u), int(i), matrix[u, i]) for u, i in np.argwhere(known)), scale=WIDE)


def fitted(matrix, known=None, **options):
    ratings = ratings_at(matrix, np.ones_like(matrix, bool) if known is None else known)
    return train(Pca(offsets="none", patience=None, **options), split_of(ratings), runtime=Runtime(threads=1))


def decaying(users=20, items=12):
    """A full matrix with singular values 10, 5, 2.5, ..."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(size, 8)))[0] for size in (users, items))
    return left * (10.0 / 2 ** np.arange(8)) @ right.T


def test_without_missing_ratings_it_is_the_truncated_svd():
    matrix = decaying()
    left, values, right = np.linalg.svd(matrix)
    result = fitted(matrix, factors=3, regularisation=0.0, epochs=20)
    np.testing.assert_allclose(result.model.singular_values.numpy(), values[:3], rtol=1e-4)
    np.testing.assert_allclose(predictions_of(result), left[:, :3] * values[:3] @ right[:3], atol=1e-3)


def test_regularisation_is_taken_off_the_singular_values():
    matrix = decaying()
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    ratings, spec = ratings_at(matrix, np.ones_like(matrix, bool)), Pca(factors=6, regularisation=2.0, offsets="none")
    fitter = SoftImputeFitter(spec.build(20, 12, seed=0), ratings, spec)
    for epoch in range(60):
        fitter.train_step(epoch, 0)
    expected = np.maximum(values - 2.0, 0.0)  # 8, 3, 0.5, 0, ...
    np.testing.assert_allclose(fitter.model.singular_values.numpy(), expected[:6], atol=1e-3)
    np.testing.assert_allclose(fitter.model.scorer().score_rows(ratings.rows()), left * expected @ right, atol=2e-3)


def test_planted_low_rank_matrix_is_recovered_from_half_of_its_entries():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 50))
    known = rng.random(matrix.shape) < 0.5
    result = fitted(matrix, known, factors=2, regularisation=0.0, epochs=60)
    error = (predictions_of(result) - matrix)[~known]
    assert np.sqrt(np.square(error).mean()) < 0.01 * matrix.std()
    new_user = np.array([1.0, -0.5]) @ np.linalg.svd(matrix)[2][:2] * 7
    few = {int(item): new_user[item] for item in range(0, 50, 7)}
    np.testing.assert_allclose(result.model.scorer().score_rows(history_of(few, num_items=50))[0], new_user, atol=0.01)


def test_no_step_raises_the_objective_and_the_end_is_a_minimum_for_every_user():
    rng = np.random.default_rng(2)
    matrix = decaying() + rng.normal(0, 0.3, (20, 12))
    known = rng.random(matrix.shape) < 0.6
    known[np.arange(20), np.arange(20) % 12] = True
    ratings, spec = ratings_at(matrix, known), Pca(factors=4, regularisation=0.8, offsets="none")
    fitter = SoftImputeFitter(spec.build(20, 12, seed=0), ratings, spec)
    objective = []
    for epoch in range(200):
        values = fitter.model.singular_values.sum().item()
        objective.append(fitter.train_step(epoch, 0).squared_error / 2 + 0.8 * values)
    assert (np.diff(objective) <= 1e-4).all() and objective[-1] < 0.5 * objective[0]
    ending = fitter.state()["users"] * fitter.model.singular_values @ fitter.model.directions.t()
    np.testing.assert_allclose(fitter.model.scorer().score_rows(ratings.rows()), ending.numpy(), atol=2e-3)


def test_ratings_that_are_all_zero_are_fitted_by_nothing():
    assert np.array_equal(predictions_of(fitted(np.zeros((4, 3)), factors=2, regularisation=0.0, epochs=2)), np.zeros((4, 3)))


def test_epoch_is_one_step_and_the_left_side_is_its_state():
    ratings, spec = ratings_at(decaying(), np.ones((20, 12), bool)), Pca(factors=3, epochs=7, patience=2)
    fitter = SoftImputeFitter(spec.build(20, 12, seed=0), ratings, spec)
    assert (fitter.epochs, fitter.patience, fitter.num_steps(3), fitter.learning_rate(0)) == (7, 2, 1, None)
    assert fitter.state()["users"].shape == (20, 3)
    fitter.load_state({"users": torch.full((20, 3), 0.5)})
    assert fitter.state()["users"][4, 1].item() == pytest.approx(0.5)
    fitter.close()
