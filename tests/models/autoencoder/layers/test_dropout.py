"""Dropout is a function of its generator."""

from __future__ import annotations

import torch

from refeed.models.autoencoder.layers.dropout import dropout


def noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_seed_drops_the_same_values_and_another_seed_others():
    values = torch.ones(200)
    assert torch.equal(dropout(values, 0.5, noise(1)), dropout(values, 0.5, noise(1)))
    assert not torch.equal(dropout(values, 0.5, noise(1)), dropout(values, 0.5, noise(2)))


def test_kept_values_are_scaled_so_that_the_mean_stays():
    dropped = dropout(torch.full((100_000,), 3.0), 0.8, noise(0))
    assert torch.allclose(dropped[dropped != 0], torch.tensor(15.0), rtol=1e-4)  # 0.8 is drawn as 52,429 of 65,536
    assert abs(float((dropped != 0).float().mean()) - 0.2) < 0.005


def test_without_generator_or_probability_the_values_stay_as_they_are():
    values, generator = torch.ones(5), noise(0)
    state = generator.get_state()
    assert dropout(values, 0.9, None) is values
    assert dropout(values, 0.0, generator) is values
    assert torch.equal(generator.get_state(), state)


def test_gradient_flows_through_the_kept_values_only():
    values = torch.ones(50, requires_grad=True)
    dropped = dropout(values, 0.5, noise(3))
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())
