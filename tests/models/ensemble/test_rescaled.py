"""Models fitted to ratings in another unit: the result does not depend on the unit of the ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import history_of, random_ratings
from refeed.data.ratings import RatingScale
from refeed.data.splits.random import RandomSplit
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.models.ensemble.rescaled import STAR, Rescaled, RescaledFitter
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train


def test_answers_are_those_of_the_inner_model_in_units_of_ratings():
    inner = Bias(user_regularisation=1.0).build(2, 3, seed=0)
    inner.offsets.set(3.0, np.array([0.0, 1.0, -1.0]))
    model = Rescaled(inner, 2.0)
    # a rating of 10 is 5 units, 2 above the mean: a user bias of 2 / (1 + 1)
    history = history_of({0: 10.0}, num_items=3)
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.score_rows(history), [[8.0, 10.0, 6.0]])
    np.testing.assert_allclose(scorer.predict_pairs(history, np.array([0, 0]), np.array([2, 1])), [6.0, 10.0])
    assert history.values.tolist() == [10.0]


def test_unit_is_a_part_of_the_model():
    model = Rescaled(Bias().build(2, 3, seed=0), 2.5)
    other = Rescaled(Bias().build(2, 3, seed=0))
    other.load_state_dict(model.state_dict())
    assert other.unit.item() == 2.5


def test_ratings_in_units_have_their_scale_in_units():
    ratings = random_ratings()
    halved = ratings.in_units_of(2.0)
    assert halved.scale == RatingScale(ratings.scale.minimum / 2, ratings.scale.maximum / 2)
    np.testing.assert_array_equal(halved.values, ratings.values / np.float32(2.0))
    assert halved.values.dtype == np.float32
    assert halved.users is ratings.users


@pytest.mark.parametrize("unit", [0.3, 5.0])
def test_histories_are_divided_as_training_ratings_are(unit):
    ratings = random_ratings()
    seen = ratings.rows().in_units_of(unit).values
    assert np.array_equal(seen, ratings.in_units_of(unit).rows().values)


RUNTIME = Runtime(threads=1, seed=3)
MEMBERS = (
    "autoencoder encoder=6 epochs=4 weight_decay=0.003",
    "autorec width=5 epochs=4",
    "svd++ epochs=2",
    "bayesian samples=5",
)


def in_units(unit: float):
    """A small world whose ratings are given in another unit, an exact one in binary numbers."""
    ratings = random_ratings(users=30, items=20)
    scale = RatingScale(unit * ratings.scale.minimum, unit * ratings.scale.maximum)
    return replace(ratings, values=(unit * ratings.values).astype(np.float32), scale=scale)


@pytest.mark.parametrize("member", MEMBERS)
def test_member_learns_the_same_whatever_the_unit_of_the_ratings(member):
    found = []
    for unit in (1.0, 32.0):
        split = RandomSplit().apply(in_units(unit))
        fitted = train(Ensemble(members=(member,)), split, runtime=RUNTIME)
        predicted = predict_ratings(fitted.model.scorer(), Histories.of_training(split.train), split.test)
        found.append(
            (predicted / unit, fitted.provenance.log[0]["train_rmse"] / unit, fitted.provenance.log[0]["valid_rmse"] / unit)
        )
    (one, *errors), (other, *other_errors) = found
    np.testing.assert_allclose(one, other, rtol=1e-4)
    assert errors == pytest.approx(other_errors, rel=1e-4)


def test_deviation_of_what_is_learnt_from_is_that_of_stars():
    seen = []

    def build(train_part):
        seen.append(train_part)
        return build_fitter(AutoEncoder(encoder=(4,)), train_part, TrainingOptions(epochs=2, refeed_steps=1), RUNTIME)

    fitter = RescaledFitter(build, in_units(8.0))
    assert np.std(seen[0].values) == pytest.approx(STAR, rel=1e-5)
    assert isinstance(fitter.model, Rescaled)
    assert fitter.model.unit.item() == pytest.approx(8.0 * np.std(in_units(1.0).values) / STAR, rel=1e-5)
    report, plain = fitter.train_step(0, 0), build(seen[0]).train_step(0, 0)
    squared = fitter.model.unit.item() ** 2
    assert report.squared_error == pytest.approx(squared * plain.squared_error, rel=1e-4)
    assert report.refeed_loss == pytest.approx(squared * plain.refeed_loss, rel=1e-4)
    fitter.close()


def test_ratings_that_are_all_alike_have_a_unit_too():
    ratings = random_ratings()
    alike = replace(ratings, values=np.full(len(ratings), 4.0, np.float32), scale=RatingScale(4.0, 4.0))
    split = RandomSplit().apply(alike)
    fitted = train(Ensemble(members=("bias",)), split, runtime=RUNTIME)
    predicted = predict_ratings(fitted.model.scorer(), Histories.of_training(split.train), split.test)
    np.testing.assert_allclose(predicted, 4.0, rtol=1e-5)
