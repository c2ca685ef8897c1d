"""Offsets fitted in closed form, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import ratings_of, split_of
from refeed.models import Bias
from refeed.models.bias import BiasFitter
from refeed.models.common.offsets import Offsets, fit_offsets

RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))


def fitted(kind, **options) -> Offsets:
    offsets = Offsets(kind, 2, user_regularisation=1.0)
    fit_offsets(offsets, RATINGS, **{"item_regularisation": 1.0, "user_regularisation": 1.0, **options})
    return offsets


def test_no_offsets_stay_zero():
    assert (fitted("none").mean.item(), fitted("none").item_part().tolist()) == (0.0, [0.0, 0.0])


def test_mean_is_that_of_the_ratings_and_items_have_no_bias():
    assert (fitted("mean").mean.item(), fitted("mean").item_part().tolist()) == (4.0, [0.0, 0.0])


def test_item_biases_after_one_and_two_sweeps():
    assert fitted("bias", sweeps=1).item_part().tolist() == pytest.approx([1 / 3, -1 / 2])
    assert fitted("bias", sweeps=2).item_part().tolist() == pytest.approx([10 / 27, -19 / 36])


def test_without_regularisation_the_sweeps_reach_the_least_squares_fit():
    offsets = fitted("bias", item_regularisation=0.0, user_regularisation=0.0, sweeps=200)
    offsets.user_regularisation = 0.0
    np.testing.assert_allclose(offsets.of_entries(RATINGS.rows()), RATINGS.values, atol=1e-5)  # three numbers, three ratings


def test_item_without_a_rating_has_no_bias_and_no_division_by_zero():
    ratings = RATINGS.select(np.array([True, False, True]))
    offsets = Offsets("bias", 2, user_regularisation=0.0)
    fit_offsets(offsets, ratings, item_regularisation=0.0, user_regularisation=0.0)
    assert offsets.item_part()[1] == 0.0


def test_fitter_of_the_bias_baseline_is_one_step_without_state():
    train = split_of(RATINGS).train
    spec = Bias(item_regularisation=1, user_regularisation=1, sweeps=1)
    fitter = BiasFitter(spec.build(2, 2, seed=0), train, spec)
    assert (fitter.epochs, fitter.num_steps(0), fitter.learning_rate(0), fitter.state()) == (1, 1, None, {})
    report = fitter.train_step(0, 0)
    errors = np.array([5 - (4 + 7 / 18), 3 - (3.5 + 1 / 18), 4 - (4 + 1 / 6)])
    assert report.squared_error == pytest.approx(float(errors @ errors), rel=1e-6)
    fitter.load_state({"anything": torch.zeros(1)})
    assert fitter.train_step(0, 0) == report
