"""SVD++ fitted: a step by hand, and what is planted."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import random_ratings, ratings_of, split_of
from refeed.data.ratings import RatingScale
from refeed.errors import DataError, TrainingError
from refeed.models import SvdPlusPlus
from refeed.models.svd_plus_plus.fitter import SvdPlusPlusFitter
from refeed.models.svd_plus_plus.time_terms import YEAR
from refeed.runtime import Runtime
from refeed.training.train import train

WIDE, RUNTIME = RatingScale(-100.0, 100.0), Runtime(threads=1)
RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4), ("v", "c", 1))


def fitter_of(ratings, **options):
    spec = SvdPlusPlus(**options)
    return SvdPlusPlusFitter(spec.build(ratings.num_users, ratings.num_items, seed=0), ratings, spec, seed=0)


def array(tensor):
    return tensor.detach().numpy().astype(np.float64).copy()


def test_first_step_moves_the_items_side_against_its_slope_at_the_users_minimum():
    fitter = fitter_of(RATINGS, factors=1, regularisation=0.5, implicit_regularisation=0.2, learning_rate=0.01, batch_size=9)
    model = fitter.model
    q, y, b = (array(one) for one in (model.item_factors, model.implicit_factors, model.item_bias))
    history = RATINGS.rows()
    slopes = {"q": 0.5 * q, "y": 0.2 * y, "b": 0.5 * b}  # halves of those of the penalties
    squared_error = 0.0
    for user in range(2):
        own = slice(history.indptr[user], history.indptr[user + 1])
        items = history.indices[own]
        implicit = y[items].sum(0) / np.sqrt(2)
        left = history.values[own] - 3.25 - b[items] - q[items] @ implicit
        features = np.column_stack([q[items], np.ones(2)])
        solved = np.linalg.solve(features.T @ features + 0.5 * np.eye(2), features.T @ left)
        errors = left - features @ solved
        squared_error += errors @ errors
        slopes["q"][items] -= errors[:, None] * (solved[:1] + implicit)
        slopes["b"][items] -= errors
        slopes["y"][items] -= errors @ q[items] / np.sqrt(2)
    report = fitter.train_step(0, 0)
    assert (report.squared_error, report.ratings) == (pytest.approx(squared_error, rel=1e-4), 4)
    # Adam's first step is the learning rate in the direction of the slope
    for before, after, slope in ((q, model.item_factors, "q"), (y, model.implicit_factors, "y"), (b, model.item_bias, "b")):
        np.testing.assert_allclose(array(after) - before, -0.01 * np.sign(slopes[slope]), atol=1e-4)


def test_learning_rate_falls_along_a_cosine():
    fitter = fitter_of(RATINGS, learning_rate=0.2, epochs=4)
    assert [fitter.learning_rate(epoch) for epoch in (0, 2, 4)] == pytest.approx([0.2, 0.1, 0.0])


def test_batches_are_of_users_and_differ_between_epochs():
    fitter = fitter_of(random_ratings(), batch_size=7)
    assert fitter.num_steps(0) == 4
    seen = [sum(fitter.train_step(epoch, step).ratings for step in range(4)) for epoch in range(2)]
    assert seen == [len(random_ratings())] * 2


def test_without_a_state_adam_starts_afresh():
    fitter = fitter_of(RATINGS)
    fitter.train_step(0, 0)
    assert fitter.state()["0.step"].item() == 1.0
    fitter.load_state({})
    assert fitter.state() == {}


def test_steps_that_are_too_large_are_refused_with_what_to_do():
    fitter = fitter_of(RATINGS, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"epoch 1, batch 1: .*not a finite number.*\n  Lower learning_rate \(now 1e\+30\)"):
        fitter.train_step(0, 0)


def test_time_aware_without_times_is_refused():
    with pytest.raises(DataError, match=r"time_aware.*no times(.|\n)*leave time_aware out"):
        fitter_of(RATINGS, time_aware=True)


def rmse_of(spec, split):
    fitted, requested = train(spec, split, runtime=RUNTIME), split.test.rows()
    predicted = fitted.model.scorer().predict_pairs(
        split.train.rows(), requested.row_of_rating, requested.indices, requested.timestamps
    )
    return np.sqrt(np.square(predicted - requested.values).mean())


def parts_of(users, items, values, times=None):
    """Four fifths to train on, the rest to test on; validation is the training part."""
    is_test = np.random.default_rng(9).random(len(users)) < 0.2
    whole = ratings_of(*zip(users.tolist(), items.tolist(), values.tolist(), strict=True), scale=WIDE, timestamps=times)
    return split_of(whole.select(~is_test), test=whole.select(is_test))


def test_what_users_choose_is_learnt_from():
    """Two groups choose other items and like other items, but of the common items each user rated only two."""
    rng = np.random.default_rng(3)
    taste = rng.normal(size=(2, 30))
    rows = []
    for user in range(300):
        group = user % 2
        own = rng.choice(np.arange(30 + 10 * group, 40 + 10 * group), 6, replace=False)  # rated alike by all
        rows += [(user, item, rng.normal(0, 0.1)) for item in own]
        rows += [(user, item, taste[group, item] + rng.normal(0, 0.1)) for item in rng.choice(30, 2, replace=False)]
    split = parts_of(*map(np.array, zip(*rows, strict=True)))
    options = {"factors": 2, "regularisation": 2.0, "learning_rate": 0.1, "epochs": 10, "patience": None, "batch_size": 50}
    with_choices = rmse_of(SvdPlusPlus(implicit_regularisation=0.5, **options), split)
    without = rmse_of(SvdPlusPlus(implicit_regularisation=1e6, **options), split)
    assert with_choices < 0.6 * without


def test_planted_drift_is_caught_by_the_time_aware_form_alone():
    """Items rise or fall over the years, and users become kinder or harsher."""
    rng = np.random.default_rng(5)
    users, items = (one.ravel() for one in np.meshgrid(np.arange(80), np.arange(40), indexing="ij"))
    kept = rng.random(len(users)) < 0.5
    users, items = users[kept], items[kept]
    years = rng.uniform(0, 4, len(users))
    item_trend, user_trend = rng.normal(0, 0.7, 40)[items], rng.normal(0, 0.7, 80)[users]
    around = years - 2
    values = 3 + item_trend * around + user_trend * np.sign(around) * np.abs(around) ** 0.4 + rng.normal(0, 0.1, len(users))
    split = parts_of(users, items, values, (years * YEAR).astype(np.int64))
    options = {"factors": 2, "regularisation": 0.5, "learning_rate": 0.1, "epochs": 10, "patience": None, "batch_size": 16}
    aware = rmse_of(SvdPlusPlus(time_aware=True, time_bins=8, **options), split)
    blind = rmse_of(SvdPlusPlus(**options), split)
    assert aware < 0.5 * blind
