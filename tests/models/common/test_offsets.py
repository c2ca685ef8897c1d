"""Offsets, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import history_of
from refeed.models.common.offsets import Offsets

HISTORY = history_of({0: 5.0, 1: 1.0}, {}, {1: 2.0}, num_items=2)


def offsets(kind, *, regularisation=2.0) -> Offsets:
    result = Offsets(kind, 2, user_regularisation=regularisation)
    result.set(3.0, np.array([0.5, -1.0]) if kind == "bias" else np.zeros(2))
    return result


def test_bias_of_a_user_follows_from_the_history_by_hand():
    # user 0: (5 - 3 - 0.5) + (1 - 3 + 1) = 0.5 over 2 + 2; user 2: 2 - 3 + 1 = 0
    assert offsets("bias").user_part(HISTORY).tolist() == [3.125, 3.0, 3.0]
    assert offsets("bias").item_part().tolist() == [0.5, -1.0]
    assert offsets("bias").of_entries(HISTORY).tolist() == [3.625, 2.125, 2.0]


def test_without_regularisation_the_bias_is_the_mean_residual_and_an_empty_history_has_none():
    assert offsets("bias", regularisation=0.0).user_part(HISTORY).tolist() == [3.25, 3.0, 3.0]


def test_mean_alone_is_the_same_for_everybody():
    assert offsets("mean").of_entries(HISTORY).tolist() == [3.0, 3.0, 3.0]


def test_no_offsets_are_zero():
    assert Offsets("none", 2, user_regularisation=2.0).of_entries(HISTORY).tolist() == [0.0, 0.0, 0.0]


def test_offsets_are_the_whole_state_of_the_module():
    copy = Offsets("bias", 2, user_regularisation=2.0)
    copy.load_state_dict(offsets("bias").state_dict())
    assert copy.of_entries(HISTORY).tolist() == pytest.approx([3.625, 2.125, 2.0])
