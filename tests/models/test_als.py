"""ALS by hand, on a simulated low-rank matrix, and against other libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.peers_protocol import movielens_100k, predictor, rmse_on_test
from helpers.planted import held_out_rmse, low_rank_split
from helpers.small_worlds import predictions_of, random_split, ratings_of, split_of
from refeed.data import row_blocks
from refeed.errors import ConfigError
from refeed.models import ALS
from refeed.models.als import AlternatingFitter
from refeed.runtime import Runtime
from refeed.training.train import train


def test_built_model_is_as_described():
    model = ALS(factors=7, biased=False, regularisation=0.25, weighted=False, offsets="none").build(5, 4, seed=0)
    assert {name: tuple(parameter.shape) for name, parameter in model.named_parameters()} == {
        "user_factors": (5, 7),
        "item_factors": (4, 7),
    }
    assert (model.weighted, model.regularisation.item(), model.offsets.kind) == (False, 0.25, "none")


def test_summary_says_what_it_is():
    assert ALS(factors=1000).summary(5, 4) == "biased matrix factorisation by ALS, 1,000 factors"
    assert ALS(factors=7, biased=False).summary(5, 4) == "matrix factorisation by ALS, 7 factors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"regularisation": 0}, "regularisation: expected above 0, got 0"),
        ({"regularisation": math.inf}, "regularisation: expected above 0, got inf"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"patience": 0}, "patience: expected at least 1 or none, got 0"),
        ({"user_regularisation": -1}, "user_regularisation: expected at least 0, got -1"),
        ({"weighted": "yes"}, "weighted: expected"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        ALS(**options)


TRAIN = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))


def fitter_of(*, biased=False, weighted=True) -> AlternatingFitter:
    model = ALS(factors=1, regularisation=0.5, biased=biased, weighted=weighted, offsets="none").build(2, 2, seed=0)
    with torch.no_grad():
        model.user_factors.copy_(torch.tensor([[2.0], [-1.0]]))
        if biased:
            model.user_bias.copy_(torch.tensor([1.0, 0.5]))
    return AlternatingFitter(model, TRAIN, epochs=1, patience=None)


def test_half_sweep_over_the_items_by_hand():
    fitter = fitter_of()
    report = fitter.train_step(0, 0)
    # a: (2 * 5 - 1 * 4) / (4 + 1 + 2 * .5) = 1; b: 2 * 3 / (4 + .5)
    np.testing.assert_allclose(fitter.model.item_factors.detach(), [[1.0], [4 / 3]], rtol=1e-6)
    assert fitter.model.user_factors.tolist() == [[2.0], [-1.0]]
    assert report.squared_error == pytest.approx((5 - 2) ** 2 + (3 - 8 / 3) ** 2 + (4 + 1) ** 2) and report.ratings == 3


def test_half_sweep_over_the_users_by_hand():
    fitter = fitter_of()
    reports = [fitter.train_step(0, step) for step in range(fitter.num_steps(0))]
    # u: (1 * 5 + 4/3 * 3) / (1 + 16/9 + 2 * .5); v: 1 * 4 / (1 + .5)
    users = [9 / (34 / 9), 8 / 3]
    np.testing.assert_allclose(fitter.model.user_factors.detach()[:, 0], users, rtol=1e-6)
    errors = [5 - users[0], 3 - users[0] * 4 / 3, 4 - users[1]]
    assert len(reports) == 2 and reports[1].squared_error == pytest.approx(np.square(errors).sum(), rel=1e-5)


def test_penalty_that_is_not_weighted_is_the_same_for_every_row():
    fitter = fitter_of(weighted=False)
    fitter.train_step(0, 0)
    np.testing.assert_allclose(fitter.model.item_factors.detach(), [[6 / 5.5], [6 / 4.5]], rtol=1e-6)


def test_biases_are_solved_for_with_the_vectors():
    fitter = fitter_of(biased=True)
    fitter.train_step(0, 0)
    # a: features (2, 1) and (-1, 1), targets 5 - 1 and 4 - .5, penalty 2 * .5; b: (2, 1), 3 - 1, penalty .5
    a = np.linalg.solve([[6.0, 1.0], [1.0, 3.0]], [2 * 4.0 - 3.5, 4.0 + 3.5])
    b = np.linalg.solve([[4.5, 2.0], [2.0, 1.5]], [4.0, 2.0])
    np.testing.assert_allclose(fitter.model.item_factors.detach()[:, 0], [a[0], b[0]], rtol=1e-5)
    np.testing.assert_allclose(fitter.model.item_bias.detach(), [a[1], b[1]], rtol=1e-5)
    predicted = [2 * a[0] + a[1] + 1, 2 * b[0] + b[1] + 1, -a[0] + a[1] + 0.5]
    assert fitter.train_step(0, 0).squared_error == pytest.approx(np.square(np.array([5, 3, 4]) - predicted).sum(), rel=1e-5)


def test_trained_vectors_are_those_that_a_new_user_with_this_history_gets():
    fitted = train(ALS(factors=3, epochs=4, patience=None), random_split())
    known, new_users = fitted.histories.rows(), fitted.histories.rows()
    new_users.users[:] = -1
    scorer = fitted.model.scorer()
    np.testing.assert_allclose(scorer.score_rows(new_users), scorer.score_rows(known), atol=2e-5)


def test_blocks_give_what_one_step_for_each_side_gives(monkeypatch):
    spec, whole = ALS(factors=3, epochs=3), train(ALS(factors=3, epochs=3), random_split())
    monkeypatch.setattr(row_blocks, "BLOCK", 20)
    model = spec.build(24, 15, seed=0)
    assert AlternatingFitter(model, random_split().train, epochs=3, patience=None).num_steps(0) > 8
    np.testing.assert_allclose(predictions_of(train(spec, random_split())), predictions_of(whole), atol=1e-5)


def test_penalty_is_in_units_of_the_spread_of_the_ratings():
    fitted = train(ALS(factors=1, regularisation=0.5, epochs=1), split_of(TRAIN))
    assert fitted.model.regularisation.item() == pytest.approx(0.5 * np.std([5, 3, 4]))


def test_planted_low_rank_matrix_is_recovered():
    split, truth = low_rank_split(rank=3)
    spec = ALS(factors=3, regularisation=1e-5, biased=False, offsets="none", epochs=60, patience=None)
    assert (
        held_out_rmse(train(spec, split, runtime=Runtime(threads=1)), split, truth) < 0.001
    )  # of ratings whose standard deviation is 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_error_is_that_of_cmfrec_with_the_same_settings(datasets):
    cmfrec, sparse = pytest.importorskip("cmfrec"), pytest.importorskip("scipy.sparse")
    split = movielens_100k(datasets)
    places = (split.train.row_of_rating, split.train.indices.astype(np.int32))
    matrix = sparse.coo_matrix(
        (split.train.values.astype(np.float32), places), shape=(split.train.num_users, split.train.num_items)
    )
    peer = cmfrec.CMF(k=10, lambda_=0.1, scale_lam=True, niter=20, use_cg=False, random_state=1, nthreads=1).fit(matrix)
    theirs = rmse_on_test(peer.predict, split)
    spec = ALS(factors=10, regularisation=0.1 / split.train.values.std().item(), offsets="mean", epochs=20, patience=None)
    assert abs(rmse_on_test(predictor(train(spec, split, runtime=Runtime(threads=1))), split) - theirs) < 0.003


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_error_is_that_of_lenskit_with_the_same_settings(datasets):
    pandas, als, data = (pytest.importorskip(name) for name in ("pandas", "lenskit.als", "lenskit.data"))
    split = movielens_100k(datasets)
    table = {"user_id": split.train.row_of_rating, "item_id": split.train.indices, "rating": split.train.values}
    peer = als.BiasedMFScorer(embedding_size=10, epochs=20, regularization=0.1, damping=5.0)
    peer.train(data.from_interactions_df(pandas.DataFrame(table)))

    def predict(users, items):
        scores = [peer(int(user), data.ItemList(item_ids=items[users == user])).scores() for user in np.unique(users)]
        return np.concatenate(scores)

    spec = ALS(
        factors=10,
        regularisation=0.1 / split.train.values.std().item(),
        biased=False,
        offsets="bias",
        item_regularisation=5,
        user_regularisation=5,
        epochs=20,
        patience=None,
    )
    assert (
        abs(rmse_on_test(predictor(train(spec, split, runtime=Runtime(threads=1))), split) - rmse_on_test(predict, split))
        < 0.003
    )
