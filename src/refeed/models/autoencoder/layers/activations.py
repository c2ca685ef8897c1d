"""Activations by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own convention)
from torch import Tensor

from refeed.config import nearest
from refeed.errors import ConfigError

Activation = Callable[[Tensor], Tensor]


def identity(values: Tensor) -> Tensor:
    """The identity function."""
    return values


def swish(values: Tensor) -> Tensor:
    """x * sigmoid(x), rounded as in the original program (PyTorch's own silu rounds differently)."""
    return values * torch.sigmoid(values)


ACTIVATIONS: dict[str, Activation] = {
    "selu": F.selu,
    "elu": F.elu,
    "leaky_relu": F.leaky_relu,  # slope 0.01 on the negative side
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "silu": swish,
    "gelu": F.gelu,
    "identity": identity,
}
ALIASES = {"lrelu": "leaky_relu", "swish": "silu", "none": "identity", "linear": "identity"}


def activation_name(name: str) -> str:
    """The name in `ACTIVATIONS` for `name` or its alias (lrelu, swish, none, linear).

    Raises:
        ConfigError: there is no such activation.
    """
    canonical = ALIASES.get(name, name)
    if canonical not in ACTIVATIONS:
        raise ConfigError(f"activation: no '{name}'{nearest(name, [*ACTIVATIONS, *ALIASES])}")
    return canonical
