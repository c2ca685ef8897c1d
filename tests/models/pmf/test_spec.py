"""The description of PMF."""

from __future__ import annotations

import pytest

from refeed.errors import ConfigError
from refeed.models import PMF


def test_built_model_is_as_described():
    model = PMF(factors=7, regularisation=0.25).build(5, 4, seed=0)
    assert {name: tuple(parameter.shape) for name, parameter in model.named_parameters()} == {
        "user_factors": (5, 7),
        "item_factors": (4, 7),
        "user_bias": (5,),
        "item_bias": (4,),
    }
    assert model.regularisation.item() == 0.25


@pytest.mark.parametrize(("prior", "weighted"), [("weighted", True), ("fixed", False), ("adaptive", False)])
def test_new_users_have_the_prior_of_the_others(prior, weighted):
    assert PMF(prior=prior).build(5, 4, seed=0).weighted is weighted


def test_summary_says_what_it_is():
    assert PMF(factors=20, biased=True).summary(5, 4) == "biased matrix factorisation by SGD, 20 factors"
    assert PMF(factors=20, biased=False).summary(5, 4) == "probabilistic matrix factorisation by SGD, 20 factors"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0}, "learning_rate: expected above 0, got 0"),
        ({"regularisation": -1}, "regularisation: expected above 0, got -1"),
        ({"momentum": 1.0}, "momentum: expected 0 to below 1, got 1"),
        ({"batch_size": 0}, "batch_size: expected at least 1 or none, got 0"),
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"prior": "flat"}, "prior: .flat. is not a choice"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        PMF(**options)
