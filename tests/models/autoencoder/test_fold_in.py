"""Vectors of new users by least squares."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.small_worlds import history_of
from refeed.models.autoencoder.fold_in import fold_in_vectors
from refeed.models.autoencoder.layers.activations import ACTIVATIONS, identity

SPREAD = torch.linalg.cholesky(torch.tensor([[2.0, 0.5, 0, 0], [0.5, 1, 0.2, 0], [0, 0.2, 0.5, 0], [0, 0, 0, 1]]))
LAW = {"spread": SPREAD, "noise": 0.7}


def problem(seed, *, items=12, width=4, ratings=6, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    codes = scale * torch.randn(items, width, generator=generator)
    prior, bias = torch.randn(1, width, generator=generator), torch.randn(1, generator=generator)
    chosen = torch.randperm(items, generator=generator)[:ratings].tolist()
    values = (6 * torch.rand(ratings, generator=generator) - 3).tolist()
    return codes, prior, bias, history_of(dict(zip(chosen, values, strict=True)), num_items=items)


@pytest.mark.parametrize("ratings", [1, 3, 4, 9, 12])
def test_linear_layer_gives_the_ridge_solution_with_fewer_and_more_ratings_than_widths(ratings):
    codes, prior, bias, history = problem(ratings, ratings=ratings)
    vector = fold_in_vectors(history, codes, prior, bias, identity, **LAW)[0].numpy()
    features = codes.numpy()[history.indices].astype(np.float64)
    gaps = history.values - features @ prior[0].numpy() - bias.item()
    precision = np.linalg.inv((SPREAD @ SPREAD.t()).numpy().astype(np.float64))
    expected = prior[0].numpy() + np.linalg.solve(features.T @ features + 0.7 * precision, features.T @ gaps)
    np.testing.assert_allclose(vector, expected, atol=2e-5)


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "selu", "tanh"])
def test_planted_vector_is_recovered_from_many_ratings(activation):
    codes, _, bias, _ = problem(1, items=4000)
    planted, act = torch.tensor([0.3, -0.5, 0.2, 0.1]), ACTIVATIONS[activation]
    ratings = act(codes @ planted + bias)
    history = history_of({item: float(ratings[item]) for item in range(3900)}, num_items=4000)
    found = fold_in_vectors(history, codes, torch.zeros(1, 4), bias, act, **LAW)[0]
    assert float((found - planted).abs().max()) < 5e-3
    assert float((act(codes[3900:] @ found + bias) - ratings[3900:]).abs().max()) < 0.02


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(ACTIVATIONS)), st.integers(1, 12), st.sampled_from([0.3, 1.0, 10.0]), st.integers(0, 10**6))
def test_no_vector_costs_more_than_its_prior(activation, ratings, scale, seed):
    codes, prior, bias, history = problem(seed, ratings=ratings, scale=scale)
    act = ACTIVATIONS[activation]
    features, target = codes[torch.from_numpy(history.indices)], torch.from_numpy(history.values)

    def cost(vector):
        gaps = target - act(features @ vector + bias)
        return float(gaps.square().sum() + 0.7 * torch.linalg.solve(SPREAD, vector - prior[0]).square().sum())

    found = fold_in_vectors(history, codes, prior, bias, act, **LAW)[0]
    assert cost(found) <= cost(prior[0]) * (1 + 1e-6)


def test_empty_history_keeps_the_prior_and_users_do_not_affect_each_other():
    codes, prior, bias, history = problem(3)
    two = history_of({}, dict(zip(history.indices.tolist(), history.values.tolist(), strict=True)), num_items=12)
    vectors = fold_in_vectors(two, codes, prior.repeat(2, 1), bias.repeat(2), identity, **LAW)
    assert torch.equal(vectors[0], prior[0])
    assert torch.equal(vectors[1], fold_in_vectors(history, codes, prior, bias, identity, **LAW)[0])
