"""Activations by name, at values by hand."""

from __future__ import annotations

import math

import pytest
import torch

from oracles.dense_reference import ACTIVATIONS as REFERENCE
from refeed.errors import ConfigError
from refeed.models.autoencoder.layers.activations import ACTIVATIONS, ALIASES, activation_name

AT_MINUS_ONE_AND_SEVEN = {
    "selu": (1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1), 1.0507009873554805 * 7),
    "elu": (math.exp(-1) - 1, 7.0),
    "leaky_relu": (-0.01, 7.0),
    "relu": (0.0, 7.0),
    "relu6": (0.0, 6.0),
    "sigmoid": (1 / (1 + math.e), 1 / (1 + math.exp(-7))),
    "tanh": (math.tanh(-1), math.tanh(7)),
    "silu": (-1 / (1 + math.e), 7 / (1 + math.exp(-7))),
    "gelu": (-0.5 * (1 + math.erf(-1 / math.sqrt(2))), 3.5 * (1 + math.erf(7 / math.sqrt(2)))),
    "identity": (-1.0, 7.0),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_has_the_values_of_its_formula(name):
    values = ACTIVATIONS[name](torch.tensor([-1.0, 7.0], dtype=torch.float64))
    assert values.tolist() == pytest.approx(AT_MINUS_ONE_AND_SEVEN[name], rel=1e-9)
    assert REFERENCE.keys() == ACTIVATIONS.keys()


@pytest.mark.parametrize(
    ("alias", "name"), [("lrelu", "leaky_relu"), ("swish", "silu"), ("none", "identity"), ("linear", "identity")]
)
def test_alias_stands_for_the_name(alias, name):
    assert activation_name(alias) == name == activation_name(name)
    assert ALIASES[alias] == name


def test_unknown_activation_names_the_nearest():
    with pytest.raises(ConfigError, match=r"activation: no 'sellu'; did you mean 'selu'\?"):
        activation_name("sellu")
