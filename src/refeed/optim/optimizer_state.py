"""The state of a PyTorch optimiser as plain tensors by name, and back; names under a prefix."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer


def state_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as tensors named PARAMETER.QUANTITY."""
    state = optimizer.state_dict()["state"]
    return {f"{parameter}.{name}": value for parameter, values in state.items() for name, value in values.items()}


def load_state_tensors(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `state_tensors`, for an optimiser of the same kind over the same parameters.

    The tensors are copied: those of a file may be aligned differently, so that sums over them round differently.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        parameter, name = key.split(".")
        state.setdefault(int(parameter), {})[name] = value.clone()
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with the prefix before their names."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def under_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with the prefix, without it: the inverse of `with_prefix`."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
