"""Effects of sessions against the normal distribution that ratings and effects have together, computed densely."""

from __future__ import annotations

import numpy as np
import torch

from refeed.models.bayesian.session_sums import SessionSums, put_by_row

RNG = np.random.default_rng(0)
FEATURES = np.column_stack((RNG.normal(size=(6, 2)), np.ones(6)))
TARGETS, WEIGHTS = RNG.normal(size=6), RNG.gamma(2.0, size=6)
MEMBER = np.array([[1, 1, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])  # sessions x ratings
VARIANCE = 0.6


def sums_of(*variances):
    sums = MEMBER @ (WEIGHTS[:, None] * np.column_stack((FEATURES, TARGETS)))
    both = torch.tensor(sums, dtype=torch.float32).expand(len(variances), 1, 4, 4)
    return SessionSums.of(both, torch.tensor(variances))


def test_products_are_those_under_the_covariance_of_sessions():
    both = np.column_stack((FEATURES, TARGETS))
    plain = torch.tensor(both.T @ (WEIGHTS[:, None] * both), dtype=torch.float32)
    covariance = np.diag(1 / WEIGHTS) + VARIANCE * MEMBER.T @ MEMBER
    expected = both.T @ np.linalg.solve(covariance, both)
    np.testing.assert_allclose(sums_of(VARIANCE).integrated(plain)[0, 0], expected, rtol=1e-4)


def test_effects_expected_and_their_variance_are_those_given_the_errors():
    vectors = RNG.normal(size=(3, 2))
    errors = TARGETS[:, None] - FEATURES @ vectors
    covariance = np.diag(1 / WEIGHTS) + VARIANCE * MEMBER.T @ MEMBER
    expected = VARIANCE * MEMBER @ np.linalg.solve(covariance, errors)
    left = VARIANCE * np.eye(4) - VARIANCE * MEMBER @ np.linalg.solve(covariance, VARIANCE * MEMBER.T)
    found = sums_of(VARIANCE)
    np.testing.assert_allclose(
        found.expected(torch.tensor(vectors, dtype=torch.float32)[None, None])[0, 0], expected, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(found.share[0, 0], left.diagonal(), rtol=1e-5)
    np.testing.assert_allclose(left - np.diag(left.diagonal()), 0.0, atol=1e-12)  # effects are independent given x


def test_samples_have_variances_of_their_own_and_none_leaves_all_as_it_was():
    both = sums_of(VARIANCE, 0.0)
    assert torch.equal(both.share[0], sums_of(VARIANCE).share[0])
    products = torch.rand(2, 1, 4, 4)
    assert torch.equal(both.integrated(products)[1], products[1])
    assert not both.expected(torch.rand(2, 1, 3, 1))[1].any()


def test_as_many_of_each_row_as_it_has_are_put_in_its_place():
    target = torch.full((7, 1), -1.0)
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])[..., None]
    put_by_row(target, values, torch.tensor([4, 0, 2]), torch.tensor([3, 1, 0]))
    assert target[:, 0].tolist() == [4.0, -1.0, -1.0, -1.0, 1.0, 2.0, 3.0]
