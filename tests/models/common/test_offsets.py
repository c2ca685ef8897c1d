"""Offsets, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import history_of, ratings_of
from refeed.models.common.offsets import Offsets

RATINGS = ratings_of(("u", "a", 5), ("u", "b", 3), ("v", "a", 4))
HISTORY = history_of({0: 5.0, 1: 1.0}, {}, {1: 2.0}, num_items=2)


def offsets(kind, *, damping=2.0) -> Offsets:
    result = Offsets(kind, 2, item_damping=1.0, user_damping=damping)
    result.set(3.0, np.array([0.5, -1.0]) if kind == "bias" else np.zeros(2))
    return result


def test_bias_of_a_user_follows_from_the_history_by_hand():
    # user 0: (5 - 3 - 0.5) + (1 - 3 + 1) = 0.5 over 2 + 2; user 2: 2 - 3 + 1 = 0
    assert offsets("bias").user_part(HISTORY).tolist() == [3.125, 3.0, 3.0]
    assert offsets("bias").item_part().tolist() == [0.5, -1.0]
    assert offsets("bias").of_entries(HISTORY).tolist() == [3.625, 2.125, 2.0]


def test_without_damping_the_bias_is_the_mean_residual_and_an_empty_history_has_none():
    assert offsets("bias", damping=0.0).user_part(HISTORY).tolist() == [3.25, 3.0, 3.0]


def test_mean_alone_is_the_same_for_everybody():
    assert offsets("mean").of_entries(HISTORY).tolist() == [3.0, 3.0, 3.0]


def test_no_offsets_are_zero():
    assert Offsets("none", 2, item_damping=1.0, user_damping=2.0).of_entries(HISTORY).tolist() == [0.0, 0.0, 0.0]


def test_offsets_are_the_whole_state_of_the_module():
    copy = Offsets("bias", 2, item_damping=1.0, user_damping=2.0)
    copy.load_state_dict(offsets("bias").state_dict())
    assert copy.of_entries(HISTORY).tolist() == pytest.approx([3.625, 2.125, 2.0])


def fitted(kind, *, damping=1.0, sweeps=10) -> Offsets:
    result = Offsets(kind, 2, item_damping=damping, user_damping=damping)
    result.fit(RATINGS, sweeps=sweeps)
    return result


def test_fit_without_offsets_leaves_them_zero():
    assert (fitted("none").mean.item(), fitted("none").item_part().tolist()) == (0.0, [0.0, 0.0])


def test_fitted_mean_is_that_of_the_ratings_and_items_have_no_bias():
    assert (fitted("mean").mean.item(), fitted("mean").item_part().tolist()) == (4.0, [0.0, 0.0])


def test_fitted_item_biases_after_one_and_two_sweeps():
    assert fitted("bias", sweeps=1).item_part().tolist() == pytest.approx([1 / 3, -1 / 2])
    assert fitted("bias", sweeps=2).item_part().tolist() == pytest.approx([10 / 27, -19 / 36])


def test_without_damping_the_sweeps_reach_the_least_squares_fit():
    offsets = fitted("bias", damping=0.0, sweeps=200)
    np.testing.assert_allclose(offsets.of_entries(RATINGS.rows()), RATINGS.values, atol=1e-5)  # three numbers, three ratings


def test_item_without_a_rating_has_no_bias_and_no_division_by_zero():
    offsets = Offsets("bias", 2, item_damping=0.0, user_damping=0.0)
    offsets.fit(RATINGS.select(np.array([True, False, True])))
    assert offsets.item_part()[1] == 0.0
