"""Models of ratings in another unit."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import history_of, random_ratings
from refeed.data.ratings import RatingScale
from refeed.models import Bias
from refeed.models.base import load_tensors
from refeed.models.ensemble.rescaled import Rescaled


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
    load_tensors(other, model.state_dict())
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
