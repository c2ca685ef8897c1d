"""Many ridge regressions at once, against each one alone in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from refeed.data.history import History
from refeed.data.row_blocks import pointers
from refeed.models.common.ridge import RidgeSolver

LENGTHS = np.array([40, 3, 0, 9, 1, 300, 8, 7, 41, 0, 300, 12])
FEATURES = torch.from_numpy(np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32))


def rows_of(lengths) -> History:
    rng = np.random.default_rng(1)
    return History(
        indptr=pointers(lengths),
        indices=np.concatenate([np.sort(rng.choice(400, length, replace=False)) for length in lengths]),
        values=rng.normal(size=lengths.sum()).astype(np.float32),
        num_items=400,
        users=np.full(len(lengths), -1),
    )


def alone(rows: History, penalties, *, intercept: bool) -> np.ndarray:
    features = FEATURES.double().numpy()
    if intercept:
        features = np.column_stack([features, np.ones(len(features))])
    vectors = np.zeros((len(rows), features.shape[1]))
    for place, penalty in enumerate(penalties):
        row = rows.rows([place])
        chosen = features[row.indices]
        vectors[place] = np.linalg.solve(chosen.T @ chosen + penalty * np.eye(chosen.shape[1]), chosen.T @ row.values)
    return vectors


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("group", [1 << 19, 1 << 12, 100, 1], ids=lambda group: f"groups of {group}")
def test_every_row_has_the_solution_it_would_have_alone(group, intercept):
    rows, penalties = rows_of(LENGTHS), np.linspace(0.5, 20, len(LENGTHS))
    solved = RidgeSolver(FEATURES, intercept=intercept, group=group).solve(rows, penalties)  # small groups cut long rows
    np.testing.assert_allclose(solved.numpy(), alone(rows, penalties, intercept=intercept), atol=2e-5)


def test_the_number_of_threads_does_not_change_the_result_and_is_restored():
    rows, solver, before = rows_of(LENGTHS), RidgeSolver(FEATURES, group=1 << 10), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = solver.solve(rows, np.ones(len(rows)))
        torch.set_num_threads(3)
        assert torch.equal(solver.solve(rows, np.ones(len(rows))), expected)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_features_that_repeat_each_other_are_solved_for_with_the_smallest_penalty():
    features = torch.ones(400, 8)
    rows = rows_of(np.array([390]))
    (vector,) = RidgeSolver(features).solve(rows, np.array([1e-6]))
    assert float(vector.sum()) == pytest.approx(float(rows.values.mean()), rel=1e-3)


def test_no_rows_have_no_vectors():
    assert RidgeSolver(FEATURES, intercept=True).solve(rows_of(LENGTHS).rows([]), np.empty(0)).shape == (0, 9)
