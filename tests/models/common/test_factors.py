"""Factor models: trained vectors for known histories, ridge regressions for all others; by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, ratings_of
from refeed.data import row_blocks
from refeed.models.common.factors import FactorModel, rating_spread, ridge_penalties
from refeed.models.common.offsets import Offsets

TRAIN = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))


def model_of(*, biased=False, weighted=False, kind="mean") -> FactorModel:
    offsets = Offsets(kind, 2, item_damping=0.0, user_damping=0.0)
    model = FactorModel(2, 2, factors=1, biased=biased, offsets=offsets, regularisation=0.5, weighted=weighted, seed=0)
    model.offsets.set(3.0, np.array([0.5, 0.0]) if kind == "bias" else np.zeros(2))
    model.begin_training(TRAIN)
    with torch.no_grad():
        model.user_factors.copy_(torch.tensor([[2.0], [-1.0]]))
        model.item_factors.copy_(torch.tensor([[1.0], [2.0]]))
        if biased:
            model.user_bias.copy_(torch.tensor([0.25, -0.25]))
            model.item_bias.copy_(torch.tensor([0.1, -0.1]))
    return model


def test_known_history_has_the_trained_vector():
    assert model_of().scorer().score_rows(TRAIN.rows()).tolist() == [[3 + 2, 3 + 4], [3 - 1, 3 - 2]]


def test_biases_are_added():
    expected = [[3 + 2 + 0.35, 3 + 4 + 0.15], [3 - 1 - 0.15, 3 - 2 - 0.35]]
    np.testing.assert_allclose(model_of(biased=True).scorer().score_rows(TRAIN.rows()), expected, rtol=1e-6)


def test_new_user_by_hand():
    # targets 1 and -1 for features 1 and 2: p = (1 - 2) / (1 + 4 + .5)
    scores = model_of().scorer().score_rows(history_of({0: 4.0, 1: 2.0}, num_items=2))
    np.testing.assert_allclose(scores, [[3 - 1 / 5.5, 3 - 2 / 5.5]], rtol=1e-6)


def test_weighted_penalty_grows_with_the_number_of_ratings():
    # p = (1 - 2) / (1 + 4 + 2 * .5), and 1 / (1 + .5) from one rating
    scores = model_of(weighted=True).scorer().score_rows(history_of({0: 4.0, 1: 2.0}, {0: 4.0}, num_items=2))
    np.testing.assert_allclose(scores[:, 0], [3 - 1 / 6, 3 + 1 / 1.5], rtol=1e-6)
    counts = np.array([0, 1, 4])
    assert ridge_penalties(0.5, counts, weighted=True).tolist() == [0.5, 0.5, 2.0]
    assert ridge_penalties(0.5, counts, weighted=False).tolist() == [0.5, 0.5, 0.5]


def test_new_user_of_a_biased_model_has_vector_and_bias_from_one_ridge_regression():
    # targets 4 - 3 - .1 and 2 - 3 + .1; (F'F + .5 I) (p, b) = F' y with F = [[1, 1], [2, 1]]
    p, b = np.linalg.solve([[5.5, 3.0], [3.0, 2.5]], [0.9 - 2 * 0.9, 0.9 - 0.9])
    scores = model_of(biased=True).scorer().score_rows(history_of({0: 4.0, 1: 2.0}, num_items=2))
    np.testing.assert_allclose(scores, [[3 + p + b + 0.1, 3 + 2 * p + b - 0.1]], rtol=1e-5)


def test_offsets_of_a_new_user_come_from_the_history():
    # user bias ((4 - 3 - .5) + (2 - 3)) / 2 = -.25; targets .75 and -.75; p = (.75 - 1.5) / 5.5
    p = -0.75 / 5.5
    scores = model_of(kind="bias").scorer().score_rows(history_of({0: 4.0, 1: 2.0}, num_items=2))
    np.testing.assert_allclose(scores, [[3.25 + p, 2.75 + 2 * p]], rtol=1e-6)


def test_training_user_whose_history_changed_is_treated_as_a_new_user():
    model, changed = model_of(), {0: 4.0, 1: 2.0}
    scorer = model.scorer()
    new = scorer.score_rows(history_of(changed, num_items=2))
    known = scorer.score_rows(history_of({0: 5.0, 1: 3.0}, changed, num_items=2, users=[0, 0]))
    assert known[0].tolist() == [5.0, 7.0]
    np.testing.assert_allclose(known[1:], new, rtol=1e-6)


def test_known_vector_belongs_to_the_user_and_not_to_the_ratings():
    unknown = model_of().scorer().score_rows(history_of({0: 5.0, 1: 3.0}, num_items=2))
    assert unknown[0, 0] == pytest.approx(3 + 2 / 5.5)


def test_user_without_ratings_is_predicted_the_offsets_and_item_biases():
    scores = model_of(biased=True).scorer().score_rows(history_of({}, num_items=2))
    np.testing.assert_allclose(scores, [[3.1, 2.9]], rtol=1e-6)


def test_users_and_items_without_training_ratings_have_no_factors():
    train = ratings_of(("u", "a", 5), vocabularies=(TRAIN.users, TRAIN.items))
    model = FactorModel(
        2,
        2,
        factors=3,
        biased=False,
        offsets=Offsets("none", 2, item_damping=0.0, user_damping=0.0),
        regularisation=1.0,
        weighted=True,
        seed=0,
    )
    assert (model.user_factors != 0).all() and (model.item_factors != 0).all()
    model.begin_training(train)
    assert (model.user_factors != 0).any(1).tolist() == (model.item_factors != 0).any(1).tolist() == [True, False]
    assert model.scorer().score_rows(train.rows())[1].tolist() == [0.0, 0.0]


def test_spread_is_the_standard_deviation_and_1_for_equal_ratings(monkeypatch):
    assert rating_spread(TRAIN) == pytest.approx(np.std([5, 3, 4]))
    assert rating_spread(ratings_of(("u", "a", 3.3), ("u", "b", 3.3))) == 1.0
    monkeypatch.setattr(row_blocks, "BLOCK", 1)
    assert rating_spread(TRAIN) == pytest.approx(np.std([5, 3, 4]))
