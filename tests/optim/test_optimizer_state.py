"""The state of an optimiser goes through tensors and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from refeed.optim.optimizer_state import load_state_tensors, state_tensors

BUILDERS = {
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=1e-4, momentum=0.9),
}


class Valley:
    """(x - 1)^2 + 100 (y - x^2)^2 summed over pairs, which no optimiser ends in a few steps."""

    def __init__(self, build, dtype=torch.float32):
        self.weights = [nn.Parameter(torch.tensor([-1.0, 0.5, 2.0], dtype=dtype)), nn.Parameter(torch.zeros(3, dtype=dtype))]
        self.optimizer = build(self.weights)

    def step(self) -> float:
        def objective():
            self.optimizer.zero_grad()
            x, y = self.weights
            loss = ((x - 1).square() + 100 * (y - x.square()).square()).sum()
            loss.backward()
            return loss

        return float(self.optimizer.step(objective).detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("before", [0, 1, 5])
def test_optimiser_that_loads_a_state_goes_on_as_the_other_one(name, before, dtype):
    first, second = Valley(BUILDERS[name], dtype), Valley(BUILDERS[name], dtype)
    for _ in range(before):
        first.step()
    tensors = {key: value.detach().clone() for key, value in state_tensors(first.optimizer).items()}
    assert all(isinstance(value, torch.Tensor) for value in tensors.values()) and bool(tensors) == (before > 0)
    shuffled = dict(sorted(tensors.items(), reverse=True))  # a file keeps no order
    load_state_tensors(second.optimizer, shuffled)
    with torch.no_grad():
        for mine, theirs in zip(second.weights, first.weights, strict=True):
            mine.copy_(theirs)
    assert [first.step() for _ in range(3)] == [second.step() for _ in range(3)]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(first.weights, second.weights, strict=True))


def test_optimiser_without_momentum_has_no_state():
    valley = Valley(lambda weights: torch.optim.SGD(weights, lr=1e-4))
    valley.step()
    assert state_tensors(valley.optimizer) == {}
