"""Predictions of the recurrent recommender network, put together by hand; what it knows at a given time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.errors import ConfigError
from refeed.models import RRN
from refeed.models.rrn.model import RecurrentModel
from refeed.models.rrn.sequences import Sequences

DAY = 86_400


def new_model(**options) -> RecurrentModel:
    """Two items; item 0 has steps on days 2 and 5 with the states 1, 2, 4, item 1 has none and the state -1."""
    spec = RRN(factors=1, state=1, units=3, embedding=2, item_step_days=1.0, **options)
    model = spec.build(4, 2, seed=0)
    model.offsets.set(3.0, np.array([0.5, -0.5]))
    for network in (model.user_network, model.item_network):
        network.centre.fill_(3.0)
        network.time_range.copy_(torch.tensor([0, 9 * DAY]))
    model.item_states = torch.tensor([[1.0], [2.0], [4.0], [-1.0]])
    model.item_moments, model.item_pointers = torch.tensor([2, 5]), torch.tensor([0, 2, 2])
    with torch.no_grad():
        model.item_factors.copy_(torch.tensor([[2.0], [1.0]]))
        model.user_network.affine.weight.fill_(0.7)
        model.user_network.affine.bias.fill_(0.1)
    return model


def history(*days, **columns):
    """One user who rated item 0 with 5 and item 1 with 2."""
    model = history_of({0: 5.0, 1: 2.0}, num_items=2)
    return replace(model, timestamps=np.array(days) * DAY, **columns) if days else model


def states_of(model: RecurrentModel, seen) -> list[float]:
    sequences = Sequences.of_history(seen, model.user_network.moments(seen.timestamps))
    return model.user_network.states(sequences)[:, 0].tolist()


def test_prediction_by_hand():
    model, seen = new_model(regularisation=0.25, user_regularisation=2.0), history(3, 6)
    before, middle, after = states_of(model, seen)
    bias = ((5 - 3 - 0.5) + (2 - 3 + 0.5)) / (2 + 2)
    # rated on day 3 from the user's first state and the item's of day 2; on day 6 from the second and the item's only one
    left = np.array([5 - 3 - 0.5 - bias - before * 2, 2 - 3 + 0.5 - bias - middle * -1])
    factor = (2 * left[0] + 1 * left[1]) / (2**2 + 1**2 + 0.25 * 2)
    expected = [3 + bias + 0.5 + after * 4 + factor * 2, 3 + bias - 0.5 + after * -1 + factor * 1]
    assert model.scorer().score_rows(seen)[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_states_of_a_prediction_are_those_before_its_time():
    model, seen = new_model(regularisation=1e12, user_regularisation=1e15), history(3, 6)
    before, middle, after = states_of(model, seen)
    days = np.array([0, 2, 3, 5, 6, 7, 4000])
    expected = [before * 1, before * 1, before * 2, middle * 2, middle * 4, after * 4, after * 4]
    rows, items = np.zeros(len(days), np.int64), np.zeros(len(days), np.int64)
    scorer = model.scorer()
    predicted = scorer.predict_pairs(seen, rows, items, days * DAY + 1)
    assert (predicted - 3.5).tolist() == pytest.approx(expected, abs=1e-5)
    assert scorer.predict_pairs(seen, rows, items) == pytest.approx(np.full(len(days), 3.5 + after * 4), abs=1e-5)


def test_what_happens_from_a_step_on_does_not_reach_its_prediction():
    model = new_model(regularisation=1e12, user_regularisation=1e15)  # no bias and no factor, which know no time
    requested = [0, 0], [0, 1], np.array([6, 6]) * DAY
    seen, other = history(3, 6), history(3, 8)
    other.values[1] = 5.0
    scorer = model.scorer()
    assert np.array_equal(*(scorer.predict_pairs(someone, *map(np.array, requested)) for someone in (seen, other)))
    assert not np.allclose(scorer.score_rows(seen), scorer.score_rows(other))


def test_history_without_times_is_one_step_at_the_end_of_training():
    model = new_model()
    scorer = model.scorer()
    assert np.array_equal(scorer.score_rows(history()), scorer.score_rows(history(9, 9)))
    assert not np.allclose(scorer.score_rows(history()), scorer.score_rows(history(1, 9)))


def test_training_user_and_new_user_with_the_same_history_get_the_same_predictions():
    model = new_model()
    known = history(3, 6, users=np.array([2]))
    scorer = model.scorer()
    assert np.array_equal(scorer.score_rows(known), scorer.score_rows(history(3, 6)))


def test_products_of_states_begin_at_zero():
    model = RRN(units=3).build(4, 2, seed=0)
    assert not model.user_network.states(Sequences.of_history(history(3, 6), np.array([3, 6]))).any()
    assert model.item_network.affine.weight.any()


def test_summary_names_the_widths():
    assert RRN(units=7, factors=11).summary(1, 1) == "recurrent recommender network, 7 LSTM units, 11 stationary factors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_step_days": 0}, "user_step_days: expected above 0, got 0"),
        ({"item_step_days": math.inf}, "item_step_days: expected above 0, got inf"),
        ({"learning_rate": -1}, "learning_rate: expected above 0, got -1"),
        ({"weight_decay": -1}, "weight_decay: expected at least 0, got -1"),
        ({"gradient_steps": 0}, "gradient_steps: expected at least 1 or none, got 0"),
        ({"units": 0}, "units: expected at least 1, got 0"),
        ({"start_epochs": 0}, "start_epochs: expected at least 1, got 0"),
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"batch_size": "all"}, "batch_size: expected a whole number, got 'all'"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        RRN(**options)
