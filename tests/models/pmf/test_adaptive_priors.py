"""Priors estimated from factors, by hand and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.planted import low_rank_split
from helpers.small_worlds import split_of
from refeed.models import PMF
from refeed.models.pmf.adaptive_priors import Evidence, Prior, estimated_priors
from refeed.runtime import Runtime
from refeed.training.train import train


def test_estimate_by_hand():
    users = Evidence(torch.tensor([[1.0, 3.0], [9.0, 9.0]]), torch.tensor([2, 0]), Prior(0.5))  # the second has no ratings
    items = Evidence(torch.tensor([[1.0, 1.0]]), torch.tensor([2]), Prior(0.5, variance=2.0))
    of_users, of_items = 0.4 / (2 * 2.0 + 0.5), 0.4 / (2 * 5.0 + 0.5)  # the users' variance so far is (1 + 9) / 2
    noise = 0.4 + 2 * (5.0 * of_items + 1.0 * of_users + of_users * of_items)
    first, second = estimated_priors(users, items, 0.4)
    assert (first.variance, second.variance) == (pytest.approx(5 + of_users), pytest.approx(1 + of_items))
    assert first.regularisation == pytest.approx(noise / (5 + of_users))
    assert second.regularisation == pytest.approx(noise / (1 + of_items))


def test_lambda_is_bounded():
    nobody = Evidence(torch.zeros(3, 2), torch.ones(3), Prior(4.0, variance=1e-9))
    assert [prior.regularisation for prior in estimated_priors(nobody, nobody, 0.8, most=3.0)] == [3.0, 3.0]


def test_vectors_of_zero_leave_the_prior_where_the_data_say_nothing():
    nobody = Evidence(torch.zeros(3, 2), torch.ones(3), Prior(4.0, variance=1e-9))
    first, _ = estimated_priors(nobody, nobody, 0.8)
    assert first.regularisation == pytest.approx(4.0, rel=0.2)  # the published estimate is infinite here


def test_noise_and_variances_of_a_planted_matrix_are_found():
    split, _ = low_rank_split(rank=2, users=150, items=100)
    rng = np.random.default_rng(1)
    part = split.train
    noisy = split_of(part.__class__.from_columns(part.row_of_rating, part.indices, part.values + rng.normal(0, 0.3, len(part))))
    spec = PMF(
        factors=2, prior="adaptive", biased=False, offsets="none", learning_rate=0.05, batch_size=500, epochs=60, patience=None
    )
    model = train(spec, noisy, runtime=Runtime(threads=1)).model
    ratio = 0.3**2 / model.user_factors.detach().square().mean().item()
    assert model.regularisation.item() == pytest.approx(ratio, rel=0.15)
