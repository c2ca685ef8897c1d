"""Intervals from the quantiles of standardised errors."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import random_ratings
from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError
from refeed.intervals.conformal import LEVELS, RatingIntervals
from refeed.intervals.spread import ResidualVariance

SCALE = RatingScale(1.0, 5.0)
RESIDUAL_VARIANCE = ResidualVariance.of(random_ratings())


def intervals_of(errors, spread=1.0) -> RatingIntervals:
    errors = np.asarray(errors, float)
    return RatingIntervals.learn(RESIDUAL_VARIANCE, errors, np.full(len(errors), spread))


def bounds(intervals, predictions, *, level, spread=1.0):
    low, high = intervals.bounds(np.asarray(predictions), np.full(len(predictions), spread), level=level, scale=SCALE)
    return low.tolist(), high.tolist()


def test_ends_lie_the_quantile_times_the_spread_away_and_within_the_scale():
    intervals = intervals_of(np.arange(1, 100) / 100, spread=0.5)  # quantiles of L are 2 L
    low, high = bounds(intervals, [3.0, 1.5, 4.9], level=0.5, spread=0.7)
    assert low == pytest.approx([2.3, 1.0, 4.2]) and high == pytest.approx([3.7, 2.2, 5.0])
    assert intervals.num_ratings == 99


def test_level_between_two_quantiles_lies_between_them():
    intervals = intervals_of(np.arange(1, 100) / 100)
    assert bounds(intervals, [3.0], level=0.505)[1] == pytest.approx([3.505])
    assert bounds(intervals, [3.0], level=0.004)[1] == pytest.approx([3.004])


def test_level_beyond_what_few_errors_allow_is_the_whole_scale():
    few = intervals_of([0.1] * 9)
    assert len(few.quantiles) == 90  # up to 9 / (9 + 1)
    assert bounds(few, [3.0], level=0.9) == (pytest.approx([2.9]), pytest.approx([3.1]))
    assert bounds(few, [3.0], level=0.91) == ([1.0], [5.0])


def test_ends_of_several_levels_are_those_of_each():
    intervals, spread = intervals_of([0.1, 0.4, 0.8] * 9), np.array([0.5, 1.0])
    low, high = intervals.bounds(np.array([3.0, 1.2]), spread, level=(0.5, 0.9, 0.999), scale=SCALE)
    one_by_one = [intervals.bounds(np.array([3.0, 1.2]), spread, level=level, scale=SCALE) for level in (0.5, 0.9, 0.999)]
    assert np.array_equal(low, [ends[0] for ends in one_by_one])
    assert np.array_equal(high, [ends[1] for ends in one_by_one])


def test_many_errors_give_every_level():
    assert len(intervals_of(np.ones(1000)).quantiles) == len(LEVELS)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 90.0, float("nan")])
def test_level_out_of_its_range_is_refused(level):
    with pytest.raises(ConfigError, match=r"level: expected above 0 and below 1, for example 0\.9, got"):
        bounds(intervals_of([0.1]), [3.0], level=level)
    with pytest.raises(ConfigError, match="level: expected above 0 and below 1"):
        bounds(intervals_of([0.1]), [3.0], level=(0.5, level))


def test_tensors_hold_everything():
    intervals = intervals_of(np.linspace(0, 2, 50))
    again = RatingIntervals.from_tensors(intervals.to_tensors())
    assert again.num_ratings == 50 and np.array_equal(again.quantiles, intervals.quantiles)
    for name in ("mean", "variance", "item_levels", "item_variances", "item_counts"):
        assert np.array_equal(getattr(again.residual_variance, name), getattr(RESIDUAL_VARIANCE, name))
