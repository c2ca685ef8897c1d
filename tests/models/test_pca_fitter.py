"""PCA with missing ratings: NumPy's SVD where none are missing, a planted matrix where many are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, predictions_of, ratings_of, split_of
from refeed.data.ratings import RatingScale
from refeed.models import Pca
from refeed.models.pca import SoftImputeFitter
from refeed.runtime import Runtime
from refeed.training.train import train

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
    stranger = np.array([1.0, -0.5]) @ np.linalg.svd(matrix)[2][:2] * 7
    few = {int(item): stranger[item] for item in range(0, 50, 7)}
    np.testing.assert_allclose(result.model.scorer().score_rows(history_of(few, num_items=50))[0], stranger, atol=0.01)


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
