"""PCA with missing ratings: what a prediction is, and what the description refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.errors import ConfigError
from refeed.models import Pca

DIRECTIONS = np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1.0]], np.float32)
VALUES = np.array([9.0, 4.0], np.float32)


def model_of(regularisation):
    model = Pca(factors=2, regularisation=regularisation, offsets="mean").build(5, 3, seed=0)
    model.offsets.set(3.0, np.zeros(3))
    model.directions.copy_(torch.from_numpy(DIRECTIONS))
    model.singular_values.copy_(torch.from_numpy(VALUES))
    return model


def test_person_is_projected_by_a_ridge_regression():
    # components (1.8, 0), (2.4, 0), (0, 2); of residuals 1 and 2 of items 0 and 2: codes 1.8 / (1.8^2 + 1), 4 / (4 + 1)
    codes = 1.8 / 4.24, 0.8
    scores = model_of(1.0).scorer().score_rows(history_of({0: 4.0, 2: 5.0}, num_items=3))[0]
    np.testing.assert_allclose(scores, [3 + 1.8 * codes[0], 3 + 2.4 * codes[0], 3 + 2 * codes[1]], rtol=1e-5)


def test_without_regularisation_ratings_in_the_span_are_reproduced_and_the_open_rest_is_zero():
    scores = model_of(0.0).scorer().score_rows(history_of({0: 3.6}, num_items=3))[0]
    np.testing.assert_allclose(scores, [3.6, 3.8, 3.0], atol=1e-4)


def test_person_without_ratings_gets_the_offsets():
    np.testing.assert_allclose(model_of(1.0).scorer().score_rows(history_of({}, num_items=3)), 3.0)


def test_rank_is_at_most_the_number_of_users_and_items():
    assert Pca(factors=50).build(4, 9, seed=0).directions.shape == (9, 4)
    assert Pca(factors=50).summary(40, 9) == "PCA with missing ratings, rank 9"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"patience": 0}, "patience: expected at least 1 or none, got 0"),
        ({"regularisation": -1}, "regularisation: expected at least 0, got -1"),
        ({"item_regularisation": math.inf}, "item_regularisation: expected at least 0, got inf"),
        ({"user_regularisation": math.nan}, "user_regularisation: expected at least 0, got nan"),
        ({"offsets": "median"}, "offsets: 'median' is not a choice"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Pca(**options)
