"""RMSE, MAE and sums by group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from refeed.errors import DataError
from refeed.metrics.rating_errors import ErrorSums, rmse, sums_by_group

ratings = arrays(np.float64, st.integers(1, 40), elements=st.floats(-10, 10))


def sums_of(truth, prediction) -> ErrorSums:
    sums = ErrorSums()
    sums.add(truth, prediction)
    return sums


def test_known_errors_give_known_rmse_and_mae():
    assert rmse([1, 2, 3, 4], [2, 2, 1, 4]) == pytest.approx((5 / 4) ** 0.5)
    assert sums_of([1, 2, 3, 4], [2, 2, 1, 4]).mae == 0.75


@given(ratings, ratings, st.integers(0, 40))
def test_blocks_give_the_same_as_the_whole(truth, prediction, cut):
    length = min(len(truth), len(prediction))
    truth, prediction = truth[:length], prediction[:length]
    sums = ErrorSums()
    sums.add(truth[:cut], prediction[:cut])
    sums.add(truth[cut:], prediction[cut:])
    assert sums.count == length
    assert sums.rmse == pytest.approx(rmse(truth, prediction), rel=1e-12)
    assert sums.mae == pytest.approx(np.abs(prediction - truth).mean(), rel=1e-12)


@given(ratings)
def test_mae_is_never_above_rmse(truth):
    sums = sums_of(truth, np.zeros_like(truth))
    assert sums.mae <= sums.rmse * (1 + 1e-12) + 1e-100


def test_float32_input_is_added_up_in_double_precision():
    truth = np.zeros(1_000_000, np.float32)
    assert rmse(truth, np.full_like(truth, 0.1)) == pytest.approx(float(np.float32(0.1)), rel=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_counted_and_placed(bad):
    with pytest.raises(DataError, match=r"2 of 3 predictions are not finite numbers \(the first is number 2"):
        rmse([1, 2, 3], [1, bad, bad])


def test_a_rating_that_is_not_finite_gets_no_advice_about_training():
    with pytest.raises(DataError, match="1 of 1 ratings are not finite") as caught:
        rmse([np.nan], [1])
    assert caught.value.fix is None


def test_different_lengths_are_refused():
    with pytest.raises(DataError, match=r"shape \(2,\) and predictions \(1,\)"):
        rmse([1, 2], [1])


def test_no_pairs_have_no_mean():
    with pytest.raises(DataError, match="no pairs"):
        _ = ErrorSums().mae
    with pytest.raises(DataError, match="no pairs"):
        rmse([], [])


def test_sums_by_group_adds_up_and_leaves_absent_groups_at_zero():
    sums = sums_by_group(np.array([2, 0, 2]), np.array([1.5, 2, 4], np.float32), 4)
    assert sums.dtype == np.float64
    assert sums.tolist() == [2.0, 0.0, 5.5, 0.0]


@pytest.mark.parametrize("groups", [[-1, 0], [0, 4]])
def test_a_group_out_of_range_is_refused(groups):
    with pytest.raises(DataError, match="expected 0 to 3"):
        sums_by_group(np.array(groups), [1.0, 2.0], 4)


def test_groups_of_another_length_than_the_values_are_refused():
    with pytest.raises(DataError, match="one group per value"):
        sums_by_group(np.array([0]), [1.0, 2.0], 4)
