"""PMF: updates by hand and by a plain program, a planted matrix, and Surprise's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.peers_protocol import movielens_100k, predictor, rmse_on_test
from helpers.planted import held_out_rmse, low_rank_split
from helpers.small_worlds import random_split, ratings_of, split_of
from refeed.errors import TrainingError
from refeed.models import PMF
from refeed.models.pmf import fitter as factor_descent
from refeed.models.pmf.adaptive_priors import Evidence, Prior, estimated_priors
from refeed.models.pmf.fitter import FactorDescentFitter
from refeed.runtime import Runtime
from refeed.seeds import derive_seed
from refeed.training.train import train

TRAIN = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))
USERS, ITEMS = torch.tensor([[2.0], [-1.0]]), torch.tensor([[1.0], [2.0]])


def fitter_of(*, mean=0.0, **options) -> FactorDescentFitter:
    options = {"biased": False, "offsets": "none", "learning_rate": 0.01, "regularisation": 0.1, "momentum": 0.0} | options
    spec = PMF(factors=1, **options)
    model = spec.build(2, 2, seed=0)
    model.offsets.set(mean, np.zeros(2))
    with torch.no_grad():
        model.user_factors.copy_(USERS)
        model.item_factors.copy_(ITEMS)
    return FactorDescentFitter(model, TRAIN, spec, seed=0)


def test_update_by_hand():
    fitter = fitter_of()
    report = fitter.train_step(0, 0)
    # errors (predicted - rated) of ua, ub, va: 2 - 5, 4 - 3, -1 - 4
    users = [2 - 0.01 * (-3 * 1 + 1 * 2 + 2 * 0.1 * 2), -1 - 0.01 * (-5 * 1 + 0.1 * -1)]
    items = [1 - 0.01 * (-3 * 2 + -5 * -1 + 2 * 0.1 * 1), 2 - 0.01 * (1 * 2 + 0.1 * 2)]
    np.testing.assert_allclose(fitter.model.user_factors.detach()[:, 0], users, rtol=1e-6)
    np.testing.assert_allclose(fitter.model.item_factors.detach()[:, 0], items, rtol=1e-6)
    assert (report.squared_error, report.ratings) == (pytest.approx(9 + 1 + 25), 3)


def test_update_of_biases_by_hand():
    fitter = fitter_of(biased=True, offsets="mean", mean=3.5)
    fitter.train_step(0, 0)
    # errors 5.5 - 5, 7.5 - 3, 2.5 - 4
    np.testing.assert_allclose(fitter.model.user_bias.detach(), [-0.01 * 5.0, 0.01 * 1.5], rtol=1e-5)
    np.testing.assert_allclose(fitter.model.item_bias.detach(), [0.01 * 1.0, -0.01 * 4.5], rtol=1e-5)


def test_fixed_prior_penalises_every_row_once_an_epoch():
    fitter = fitter_of(prior="fixed")
    fitter.train_step(0, 0)
    users = [2 - 0.01 * (-1 + 0.1 * 2), -1 - 0.01 * (-5 + 0.1 * -1)]
    np.testing.assert_allclose(fitter.model.user_factors.detach()[:, 0], users, rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_epochs_are_those_of_a_plain_program(batch_size):
    fitter = fitter_of(biased=True, momentum=0.5, batch_size=batch_size, learning_rate=0.02)
    for epoch in range(2):
        for step in range(fitter.num_steps(epoch)):
            fitter.train_step(epoch, step)
    expected = plain_program(batch_size=batch_size, rate=0.02, penalty=0.1, momentum=0.5, epochs=2)
    for name, values in expected.items():
        np.testing.assert_allclose(fitter.model.get_parameter(name).detach().reshape(2), values, rtol=1e-5, err_msg=name)


def plain_program(*, batch_size, rate, penalty, momentum, epochs) -> dict[str, np.ndarray]:
    """SGD with momentum over all numbers, one rating after the other."""
    names = ("user_factors", "item_factors", "user_bias", "item_bias")
    weights = dict(
        zip(
            names, (USERS[:, 0].numpy().astype(float), ITEMS[:, 0].numpy().astype(float), np.zeros(2), np.zeros(2)), strict=True
        )
    )
    moving = {name: np.zeros(2) for name in names}
    ratings = [(0, 0, 5.0), (0, 1, 3.0), (1, 0, 4.0)]
    for epoch in range(epochs):
        order = np.arange(3, dtype=np.int32)
        np.random.default_rng(derive_seed(0, "ratings", epoch)).shuffle(order)
        for start in range(0, 3, batch_size):
            gradient = {name: np.zeros(2) for name in names}
            for user, item, rating in (ratings[place] for place in order[start : start + batch_size]):
                p, q, b, c = (weights[name][place] for name, place in zip(names, (user, item, user, item), strict=True))
                error = p * q + b + c - rating
                for name, place, slope in zip(names, (user, item) * 2, (error * q, error * p, error, error), strict=True):
                    gradient[name][place] += slope + penalty * weights[name][place]
            for name in names:
                moving[name] = momentum * moving[name] + gradient[name]
                weights[name] = weights[name] - rate * moving[name]
    return weights


def test_adaptive_priors_are_estimated_before_each_epoch_once_the_factors_have_grown(monkeypatch):
    monkeypatch.setattr(factor_descent, "GROWN", 1e6)
    fitter = fitter_of(prior="adaptive")
    reports = [fitter.train_step(epoch, 0) for epoch in range(2)]
    monkeypatch.undo()
    assert fitter.state()["users.prior"].tolist() == fitter.state()["items.prior"].tolist() == [0.1]
    users, items = (
        Evidence(factors.detach().clone(), torch.tensor([2, 1]), Prior(0.1))
        for factors in (fitter.model.user_factors, fitter.model.item_factors)
    )
    expected = estimated_priors(users, items, reports[1].squared_error / 3)
    fitter.train_step(2, 0)
    for side, prior in zip(("users", "items"), expected, strict=True):
        assert fitter.state()[f"{side}.prior"].tolist() == pytest.approx([prior.regularisation, prior.variance])
    assert fitter.model.regularisation.item() == pytest.approx(expected[0].regularisation)


def test_state_holds_all_that_the_next_step_depends_on():
    options = {"prior": "adaptive", "momentum": 0.9, "batch_size": 2, "biased": True}
    fitter, other = fitter_of(**options), fitter_of(**options)
    for epoch, step in ((0, 0), (0, 1), (1, 0)):
        fitter.train_step(epoch, step)
    assert len(fitter.state()["users.prior"]) == 2
    state = {name: tensor.clone() for name, tensor in fitter.state().items()}
    other.model.load_state_dict({name: tensor.clone() for name, tensor in fitter.model.state_dict().items()})
    other.load_state(state)
    for resumed in (fitter, other):
        resumed.train_step(1, 1)
        resumed.train_step(2, 0)
    assert fitter.state()["squared_error"] == other.state()["squared_error"]
    assert all(torch.equal(tensor, other.model.state_dict()[name]) for name, tensor in fitter.model.state_dict().items())


def test_without_a_state_the_momenta_start_afresh():
    fitter = fitter_of(prior="adaptive", momentum=0.9)
    before = {name: tensor.clone() for name, tensor in fitter.state().items()}
    fitter.load_state({})
    assert all(torch.equal(tensor, before[name]) for name, tensor in fitter.state().items())


def test_batches_are_so_large_that_nobody_occurs_too_often_in_one():
    ratings = ratings_of(*((user, item, 3.0) for user in range(200) for item in range(user % 2 + 1)))  # item 0: 200 of 300
    spec = PMF(factors=1)
    fitter = FactorDescentFitter(spec.build(200, 2, seed=0), ratings, spec, seed=0)
    assert fitter.batch_size == 75 and fitter.num_steps(0) == 4
    assert FactorDescentFitter(spec.build(200, 2, seed=0), ratings, PMF(factors=1, batch_size=7), seed=0).batch_size == 7


def test_too_large_steps_are_reported_with_what_to_do():
    with pytest.raises(TrainingError, match=r"the loss is not a finite number.*\n.*Lower learning_rate \(now"):
        train(PMF(learning_rate=1000.0, epochs=20), random_split())


def test_penalty_and_rate_are_in_units_of_the_spread_of_the_ratings():
    fitted, spread = train(PMF(factors=1, regularisation=0.5, learning_rate=0.01, epochs=1), split_of(TRAIN)), np.std([5, 3, 4])
    assert fitted.model.regularisation.item() == pytest.approx(0.5 * spread)
    assert fitted.provenance.log[0]["learning_rate"] == pytest.approx(0.01 / spread)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_planted_low_rank_matrix_is_recovered(momentum):
    split, truth = low_rank_split(rank=3)
    spec = PMF(
        factors=3,
        regularisation=1e-5,
        biased=False,
        offsets="none",
        learning_rate=0.05 * (1 - momentum),
        momentum=momentum,
        batch_size=200,
        epochs=60,
        patience=None,
    )
    assert (
        held_out_rmse(train(spec, split, runtime=Runtime(threads=1)), split, truth) < 0.001
    )  # of ratings whose standard deviation is 1


def test_later_users_of_the_split_without_training_ratings_are_predicted_the_mean():
    part = ratings_of(("u", "a", 5), ("u", "b", 3), vocabularies=(TRAIN.users, TRAIN.items))
    fitted = train(PMF(epochs=2, biased=False), split_of(part))
    assert fitted.model.scorer().score_rows(part.rows())[1].tolist() == [4.0, 4.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_error_is_that_of_surprise_with_the_same_settings(datasets):
    surprise, pandas = pytest.importorskip("surprise"), pytest.importorskip("pandas")
    split = movielens_100k(datasets)
    table = pandas.DataFrame({"user": split.train.row_of_rating, "item": split.train.indices, "rating": split.train.values})
    data = surprise.Dataset.load_from_df(table, surprise.Reader(rating_scale=(1, 5))).build_full_trainset()
    peer = surprise.SVD(n_factors=20, n_epochs=40, lr_all=0.01, reg_all=0.1, random_state=0).fit(data)

    def predict(users, items):
        return np.array(
            [peer.predict(user, item, clip=False).est for user, item in zip(users.tolist(), items.tolist(), strict=True)]
        )

    spread = split.train.values.std().item()
    spec = PMF(
        factors=20,
        epochs=40,
        learning_rate=0.01 * spread,
        regularisation=0.1 / spread,
        momentum=0.0,
        offsets="mean",
        patience=None,
    )
    assert (
        abs(rmse_on_test(predictor(train(spec, split, runtime=Runtime(threads=1))), split) - rmse_on_test(predict, split))
        < 0.003
    )
