"""The highest scores of each row, against a full sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.errors import DataError
from refeed.metrics.top_items import top_items


def sorted_out(scores: np.ndarray, k: int) -> np.ndarray:
    """The same by sorting everything."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def test_equal_scores_rank_by_position_inside_and_at_the_edge_of_the_top():
    scores = np.array([[1.0, 2, 1, 2, 1, 1], [0.0, 0, 0, 0, 0, 0]])
    assert top_items(scores, 4).tolist() == [[1, 3, 0, 2], [0, 1, 2, 3]]


@given(
    st.integers(0, 4), st.integers(1, 700), st.floats(0, 1), st.integers(1, 40), st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32),
)  # fmt: skip
def test_agrees_with_a_full_sort_whatever_the_ties(rows, items, share, levels, dtype, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-levels, levels, (rows, items)).astype(dtype) / 2  # few levels: many ties
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    k = 1 + int(share * (items - 1))
    assert np.array_equal(top_items(scores, k), sorted_out(scores, k))


@pytest.mark.parametrize("k", [1, 10, 100, 700])
def test_agrees_with_a_full_sort_where_the_best_lie_side_by_side(k):
    scores = -np.abs(np.arange(3000) - np.array([[0], [1500], [2999]])).astype(np.float32)
    assert np.array_equal(top_items(scores, k), sorted_out(scores, k))


@pytest.mark.parametrize("place", [0, 640, 699])
def test_score_that_is_not_a_number_is_counted(place):
    scores = np.zeros((2, 700), np.float32)
    scores[1, place] = np.nan
    with pytest.raises(DataError, match=r"1 of 1,400 scores are not numbers(.|\n)*lower its learning rate"):
        top_items(scores, 5)
