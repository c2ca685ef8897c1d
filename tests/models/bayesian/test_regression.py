"""Bayesian regressions of sparse rows against the closed form, computed densely."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.models.bayesian.regression import FeatureTable, Posterior, padded_rows
from refeed.models.common import row_groups
from refeed.models.common.row_groups import for_each_group

CPU = torch.device("cpu")
HISTORY = history_of({0: 1.0, 2: -0.5, 3: 2.0}, {1: 0.5}, {}, {0: -1.0, 1: 1.5, 3: 0.25}, num_items=4)
VECTORS = torch.tensor([[[0.3, -1.0, 0.2], [1.2, 0.4, -0.1], [-0.7, 0.9, 0.5], [0.1, 2.0, 0.0]]])  # 2 factors and a bias
WEIGHTS = torch.tensor([[1.0, 0.5, 2.0, 0.25]])
MEAN = np.array([[0.1, -0.2, 0.3]]) * np.arange(1, 5)[:, None]
PRECISION = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 4.0]])
NOISE = np.array([1.0, 3.0, 1.0, 0.5])


def expected(row):
    """Precision and mean of a row's vector: A + a F^T W F, and its inverse times (A mu + a F^T W y)."""
    places = slice(*HISTORY.indptr[row : row + 2])
    columns = HISTORY.indices[places]
    vectors, weights = VECTORS[0, columns].double().numpy(), WEIGHTS[0, columns].double().numpy()
    features = np.column_stack((vectors[:, :2], np.ones(len(columns))))
    targets = HISTORY.values[places] - vectors[:, 2]
    precision = PRECISION + NOISE[row] * features.T @ (weights[:, None] * features)
    pull = PRECISION @ MEAN[row] + NOISE[row] * features.T @ (weights * targets)
    return precision, np.linalg.solve(precision, pull), features, targets, weights


def groups():
    return list(padded_rows(HISTORY, CPU, width=4))


def posterior_of(group):
    rows = group.rows
    mean, precision, noise = (torch.tensor(array, dtype=torch.float32) for array in (MEAN, PRECISION, NOISE))
    return Posterior(FeatureTable(VECTORS, WEIGHTS).products(group)[0], mean[rows], precision, noise[rows])


def test_posterior_is_the_closed_form():
    seen = []
    for group in groups():
        posterior = posterior_of(group)
        for place, row in enumerate(group.rows.tolist()):
            precision, mean, *_ = expected(row)
            np.testing.assert_allclose(posterior.mean()[place], mean, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(posterior.cholesky[place] @ posterior.cholesky[place].T, precision, rtol=1e-5, atol=1e-5)
            seen.append(row)
    assert sorted(seen) == [0, 1, 2, 3]


def test_row_without_entries_keeps_its_prior():
    group = next(group for group in groups() if 2 in group.rows)
    place = group.rows.tolist().index(2)
    np.testing.assert_allclose(posterior_of(group).mean()[place], MEAN[2], rtol=1e-5)


def test_draws_have_the_posteriors_mean_and_covariance():
    draws = 200_000
    group = next(group for group in groups() if 0 in group.rows)
    place = group.rows.tolist().index(0)
    free = torch.randn(len(group.rows), 3, draws, generator=torch.Generator().manual_seed(0))
    drawn = posterior_of(group).vectors(free)[place].numpy()
    precision, mean, *_ = expected(0)
    np.testing.assert_allclose(drawn.mean(1), mean, atol=4 / np.sqrt(draws))
    np.testing.assert_allclose(np.cov(drawn), np.linalg.inv(precision), atol=0.005)


def test_squared_errors_are_weighted_sums_and_their_expectation_adds_the_posteriors_spread():
    for group in groups():
        posterior = posterior_of(group)
        vectors = torch.tensor([[0.4, -0.1, 0.7]]).expand(len(group.rows), 3)
        for place, row in enumerate(group.rows.tolist()):
            precision, mean, features, targets, weights = expected(row)
            at_point = weights @ np.square(targets - features @ vectors[0].numpy())
            at_mean = weights @ np.square(targets - features @ mean)
            spread = np.trace(np.linalg.solve(precision, features.T @ (weights[:, None] * features)))
            assert posterior.squared_errors(vectors)[place].item() == pytest.approx(at_point, rel=1e-4, abs=1e-5)
            assert posterior.expected_squared_errors()[place].item() == pytest.approx(at_mean + spread, rel=1e-4, abs=1e-5)


SESSIONS = np.array([0, 0, 1, 0, 0, 1, 1], np.int32)  # of the ratings of HISTORY, a row after another
VARIANCE = 0.7


def expected_products(row, variance):
    """(F, y)^T C^-1 (F, y) with C = diag(1 / w) + v for ratings of one session."""
    *_, features, targets, weights = expected(row)
    sessions = SESSIONS[slice(*HISTORY.indptr[row : row + 2])]
    covariance = np.diag(1 / weights) + variance * (sessions[:, None] == sessions)
    both = np.column_stack((features, targets))
    return both.T @ np.linalg.solve(covariance, both)


def test_effects_of_sessions_are_integrated_out_as_by_their_covariance():
    table = FeatureTable(torch.cat((VECTORS, VECTORS)), torch.cat((WEIGHTS, WEIGHTS)))
    seen = []
    for group in padded_rows(HISTORY, CPU, width=4, sessions=SESSIONS):
        products, sums = table.products_of(group, torch.tensor([VARIANCE, 3 * VARIANCE]))
        assert sums.sums.shape == (2, len(group.rows), 1 + int(group.sessions.max()) if group.sessions.numel() else 1, 4)
        for place, row in enumerate(group.rows.tolist()):
            for sample, variance in enumerate((VARIANCE, 3 * VARIANCE)):
                np.testing.assert_allclose(products[sample, place], expected_products(row, variance), rtol=2e-4, atol=1e-5)
            seen.append(row)
    assert sorted(seen) == [0, 1, 2, 3]


def test_rows_without_sessions_have_the_usual_products():
    for group in groups():
        products, sums = FeatureTable(VECTORS, WEIGHTS).products_of(group, torch.tensor([VARIANCE]))
        assert sums is None and torch.equal(products, FeatureTable(VECTORS, WEIGHTS).products(group))


def test_sessions_of_long_rows_are_summed_in_pieces():
    group = next(group for group in padded_rows(HISTORY, CPU, width=4, sessions=SESSIONS) if 0 in group.rows)
    whole, sums = FeatureTable(VECTORS, WEIGHTS).products_of(group, torch.tensor([VARIANCE]))
    products, in_pieces = FeatureTable(VECTORS, WEIGHTS, group=8).products_of(group, torch.tensor([VARIANCE]))
    torch.testing.assert_close(products, whole)
    torch.testing.assert_close(in_pieces.sums, sums.sums)


def test_samples_are_worked_out_side_by_side():
    both = FeatureTable(torch.cat((VECTORS, 2 * VECTORS)), torch.cat((WEIGHTS, WEIGHTS)))
    for group in groups():
        assert torch.equal(both.products(group)[0], FeatureTable(VECTORS, WEIGHTS).products(group)[0])
        assert torch.equal(both.products(group)[1], FeatureTable(2 * VECTORS, WEIGHTS).products(group)[0])


def test_long_rows_are_summed_in_pieces():
    group = next(group for group in groups() if 0 in group.rows)
    whole = FeatureTable(VECTORS, WEIGHTS).products(group)
    torch.testing.assert_close(FeatureTable(VECTORS, WEIGHTS, group=8).products(group), whole)


def test_groups_hold_rows_of_about_one_length_within_their_size():
    rng = np.random.default_rng(0)
    history = history_of(*({int(item): 1.0 for item in range(rng.integers(0, 400))} for _ in range(300)), num_items=400)
    found = list(padded_rows(history, CPU, width=100))
    assert sorted(torch.cat([group.rows for group in found]).tolist()) == list(range(300))
    assert len(found) > 20
    for group in found:
        assert group.columns.numel() * 100 <= row_groups.GROUP
        assert group.counts.max() <= max(1.0, row_groups.STRETCH * group.counts.min())
        assert bool(((group.columns == 400).sum(1) == group.columns.shape[1] - group.counts).all())


@pytest.mark.parametrize("threads", [1, 2])
def test_every_group_is_worked_on_and_the_number_of_threads_stays(threads):
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(threads)
    try:
        for_each_group(lambda group: seen.extend(group.rows.tolist()), groups(), device=torch.device("cpu"))
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert sorted(seen) == [0, 1, 2, 3]
