"""The description of ALS."""

from __future__ import annotations

import math

import pytest

from refeed.errors import ConfigError
from refeed.models import ALS


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
