"""Intervals are learnt from the errors on the validation set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split, split_of
from refeed.data.ratings import Ratings, RatingScale
from refeed.inference import scoring
from refeed.models import ALS, Bias
from refeed.runtime import Runtime
from refeed.training.intervals import learn_intervals
from refeed.training.train import train

SPLIT = random_split()
FITTED = model_of_item_biases(SPLIT.train, np.linspace(-1, 3, SPLIT.train.num_items))


@pytest.mark.parametrize("block", [3, 4096])
def test_quantiles_are_those_of_the_clipped_errors_over_the_spread(monkeypatch, block):
    monkeypatch.setattr(scoring, "USERS_PER_BLOCK", block)
    intervals = learn_intervals(FITTED.model, SPLIT)
    users, items = SPLIT.valid.row_of_rating.astype(int), SPLIT.valid.indices
    predictions = np.clip(3 + np.linspace(-1, 3, SPLIT.train.num_items)[items], 1, 5)
    scores = np.abs(SPLIT.valid.values - predictions) / intervals.residual_variance.spread(SPLIT.train.rows(), users, items)
    assert intervals.num_ratings == len(SPLIT.valid)
    assert intervals.quantiles[49] == pytest.approx(np.sort(scores)[int(np.ceil((len(scores) + 1) * 0.5)) - 1], rel=1e-5)


def test_empty_validation_part_gives_none():
    nothing = SPLIT.valid.select(np.zeros(len(SPLIT.valid), bool))
    assert learn_intervals(FITTED.model, replace(SPLIT, valid=nothing)) is None


def test_test_part_is_not_looked_at():
    other = replace(SPLIT, test=replace(SPLIT.test, values=6 - np.asarray(SPLIT.test.values)))
    assert np.array_equal(learn_intervals(FITTED.model, other).quantiles, learn_intervals(FITTED.model, SPLIT).quantiles)


@pytest.mark.parametrize("spec", [Bias(), ALS(factors=2)], ids=["bias", "als"])
def test_intervals_hold_what_they_promise_on_further_ratings_of_users_who_scatter_differently(spec):
    rng = np.random.default_rng(3)
    shape, noise = (120, 100), np.repeat([0.3, 1.0], 60)[:, None]
    values = 3 + rng.normal(0, 0.5, (1, 100)) + noise * rng.normal(size=shape)
    users, items = np.divmod(np.arange(values.size), shape[1])
    ratings = Ratings.from_columns(users, items, values.ravel(), scale=RatingScale(-10.0, 10.0))
    part = rng.permutation(values.size) % 4
    chosen = [ratings.select(mask) for mask in (part < 2, part == 2, part == 3)]
    fitted = train(spec, split_of(*chosen), runtime=Runtime(threads=1, seed=0))
    test = chosen[2]
    rows = test.row_of_rating.astype(int)
    predictions = fitted.model.scorer().predict_pairs(fitted.histories.rows(), rows, test.indices.astype(int))
    spread = fitted.intervals.residual_variance.spread(fitted.histories.rows(), rows, test.indices)
    low, high = fitted.intervals.bounds(predictions, spread, level=0.9, scale=test.scale)
    inside = (test.values >= low) & (test.values <= high)
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    assert inside[rows < 60].mean() < 0.97 and inside[rows >= 60].mean() > 0.85  # with one width for all: 1.0 and 0.80
