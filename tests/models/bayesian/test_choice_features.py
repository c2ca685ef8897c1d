"""Features of choices against a dense singular value decomposition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from helpers.small_worlds import history_of, random_ratings
from refeed.models.bayesian.choice_features import choice_features
from refeed.models.bayesian.scorer import choices_of

CPU = torch.device("cpu")
HISTORY = random_ratings(users=40, items=30, share=0.3).rows()


def dense(history):
    rated = np.zeros((len(history), history.num_items))
    rated[history.row_of_rating, history.indices] = 1.0
    return rated / np.sqrt(np.outer(rated.sum(1), rated.sum(0)).clip(1.0))


def test_features_span_the_leading_singular_vectors():
    found = choice_features(HISTORY, 3, seed=0, device=CPU)
    left, _, right = np.linalg.svd(dense(HISTORY), full_matrices=False)
    for features, vectors, rows in ((found.users, left[:, :3], 40), (found.items, right[:3].T, 30)):
        wide = features.double().numpy()
        np.testing.assert_allclose(wide.T @ wide, rows * np.eye(3), atol=rows * 0.01)
        np.testing.assert_allclose(wide @ wide.T / rows, vectors @ vectors.T, atol=0.01)


def test_loadings_make_the_same_features_from_a_history():
    found = choice_features(HISTORY, 3, seed=0, device=CPU)
    np.testing.assert_allclose(choices_of(HISTORY.rows([7, 3]), found.loadings), found.users[[7, 3]], rtol=1e-4, atol=1e-6)
    nobody = history_of({}, num_items=30)
    assert choices_of(nobody, found.loadings).tolist() == [[0.0, 0.0, 0.0]]


def test_ratings_play_no_part():
    other = replace(HISTORY, values=HISTORY.values[::-1].copy())
    first, second = (choice_features(history, 3, seed=0, device=CPU) for history in (HISTORY, other))
    assert torch.equal(first.users, second.users)


def test_small_data_have_at_most_one_feature_for_four_rows():
    few = random_ratings(users=9, items=30).rows()
    found = choice_features(few, 5, seed=0, device=CPU)
    assert found.users.shape == (9, 5) and found.items.shape == found.loadings.shape == (30, 5)
    assert bool(found.users[:, :2].any()) and not bool(found.users[:, 2:].any())


def test_directions_that_the_data_lack_are_zeros():
    everything = history_of(*(dict.fromkeys(range(20), 3.0) for _ in range(20)), num_items=20)  # of rank 1
    found = choice_features(everything, 4, seed=0, device=CPU)
    np.testing.assert_allclose(found.users[:, 0].abs(), 1.0, rtol=1e-4)
    assert not bool(found.users[:, 1:].any()) and not bool(found.loadings[:, 1:].any())


def test_no_features_are_wanted():
    found = choice_features(HISTORY, 0, seed=0, device=CPU)
    assert found.users.shape == (40, 0) and choices_of(HISTORY, found.loadings).shape == (40, 0)
