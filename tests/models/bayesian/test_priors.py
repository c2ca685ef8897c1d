"""Draws of priors against their known means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refeed.models.bayesian.priors import RowPrior, draw_mean_and_precision, draw_prior

DRAWS = 2000


def vectors_of(rows, *, seed=0):
    rng = np.random.default_rng(seed)
    shape = np.array([[1.0, 0.0, 0.0], [0.5, 0.4, 0.0], [-0.2, 0.1, 0.3]])
    return torch.from_numpy(rng.standard_normal((rows, 3)) @ shape.T + [0.5, -1.0, 0.0]).float()


def test_mean_and_precision_are_those_of_the_normal_wishart():
    vectors, numbers = vectors_of(20), np.random.default_rng(1)
    drawn = [draw_mean_and_precision(vectors, vectors[:0], numbers) for _ in range(DRAWS)]
    means, precisions = (torch.stack(parts).double().numpy() for parts in zip(*drawn, strict=True))
    x, (n, d) = vectors.double().numpy(), vectors.shape
    centre, deviations = x.mean(0), x - x.mean(0)
    scatter = np.eye(d) + deviations.T @ deviations + 2 * n / (2 + n) * np.outer(centre, centre)  # equation 14 of the paper
    np.testing.assert_allclose(means.mean(0), n * centre / (n + 2), atol=0.02)
    np.testing.assert_allclose(precisions.mean(0), (d + n) * np.linalg.inv(scatter), rtol=0.03, atol=0.15)
    # given A, mu has the covariance (A (n + 2))^-1, so on average scatter / ((d + n) - d - 1) / (n + 2)
    np.testing.assert_allclose(np.cov(means.T), scatter / (n - 1) / (n + 2), rtol=0.15, atol=0.002)


def test_vectors_of_known_mean_count_for_the_precision_alone():
    vectors, further = vectors_of(20), vectors_of(50, seed=1) - vectors_of(50, seed=1).mean(0)
    numbers = np.random.default_rng(1)
    drawn = [draw_mean_and_precision(vectors, further, numbers) for _ in range(DRAWS)]
    means, precisions = (torch.stack(parts).double().numpy() for parts in zip(*drawn, strict=True))
    x, more = vectors.double().numpy(), further.double().numpy()
    scatter = np.eye(3) + x.T @ x - 22 * np.outer(x.sum(0) / 22, x.sum(0) / 22) + more.T @ more
    np.testing.assert_allclose(means.mean(0), x.sum(0) / 22, atol=0.02)
    np.testing.assert_allclose(precisions.mean(0), 73 * np.linalg.inv(scatter), rtol=0.03, atol=0.15)


def test_choice_weights_are_recovered_and_their_strength_fits_their_size():
    rng, numbers, normal = np.random.default_rng(2), np.random.default_rng(3), torch.Generator().manual_seed(4)
    choices = torch.from_numpy(rng.standard_normal((500, 4))).float()
    planted = torch.from_numpy(rng.standard_normal((4, 3))).float()
    vectors = vectors_of(500) + choices @ planted
    prior, kept = RowPrior(torch.zeros(3), torch.eye(3), torch.zeros(4, 3), 1.0), []
    for draw in range(60):
        prior = draw_prior(vectors, choices, choices.double().T @ choices.double(), prior, numbers=numbers, normal=normal)
        if draw >= 10:
            kept.append(prior)
    design = np.column_stack((np.ones(500), choices.numpy()))
    fitted = np.linalg.lstsq(design, vectors.numpy(), rcond=None)[0]  # what flat priors would give
    np.testing.assert_allclose(torch.stack([p.mean for p in kept]).mean(0), fitted[0], atol=0.05)
    np.testing.assert_allclose(torch.stack([p.choice_weights for p in kept]).mean(0), fitted[1:], atol=0.05)
    # strength ~ Gamma(1 + 12 / 2, size / 2), of which the mean is 14 / size
    products = [p.strength * float(((p.choice_weights @ p.precision) * p.choice_weights).sum()) for p in kept]
    assert np.mean(products) == pytest.approx(14.0, rel=0.15)


def test_without_features_there_are_no_choice_weights():
    vectors = vectors_of(30)
    before = RowPrior(torch.zeros(3), torch.eye(3), torch.zeros(0, 3), 1.0)
    prior = draw_prior(
        vectors,
        torch.zeros(30, 0),
        torch.zeros(0, 0, dtype=torch.float64),
        before,
        numbers=np.random.default_rng(0),
        normal=torch.Generator(),
    )
    assert prior.choice_weights.shape == (0, 3)
    assert torch.equal(prior.means(torch.zeros(30, 0)), prior.mean.expand(30, 3))
