"""Coverage, width and score of intervals by hand, and the quantiles of split conformal prediction."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.errors import DataError
from refeed.metrics.coverage import LEVELS, CoverageSums, conformal_quantiles
from refeed.metrics.intervals import bootstrap_intervals

TRUTH = np.array([3.0, 5.0, 1.0])
USERS, USER_OF_PAIR = np.array([2, 0]), np.array([0, 0, 1])  # of the pairs two are user 2's and one is user 0's
COUNTS = np.array([1, 0, 2])


def sums_of(low, high, *, predictions=TRUTH) -> CoverageSums:
    sums = CoverageSums(3)
    sums.add(USERS, USER_OF_PAIR, TRUTH, predictions, at_each_level(low, high))
    return sums


def at_each_level(low, high) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.tile(np.asarray(ends, float), (len(LEVELS), 1)) for ends in (low, high))


def calibration_of(low, high, **more):
    return judged(sums_of(low, high, **more), COUNTS)


def judged(sums: CoverageSums, counts: np.ndarray):
    nothing = np.zeros(len(counts))
    _, _, *intervals = bootstrap_intervals(nothing, nothing, counts, further=tuple(sums.inside), resamples=50, seed=0)
    return sums.result(counts, intervals)


def test_share_inside_counts_the_ends_and_width_is_the_mean():
    levels = calibration_of([3, 4, 2], [3, 4.5, 4]).levels  # on the ends; half above; one below
    assert [level.level for level in levels] == list(LEVELS)
    assert {level.coverage for level in levels} == {1 / 3}
    assert {level.width for level in levels} == {2.5 / 3}


def test_score_is_the_width_and_a_fine_for_ratings_outside_that_grows_with_the_level():
    levels = calibration_of([3, 4, 2], [3, 4.5, 4]).levels
    assert [at_level.score for at_level in levels] == pytest.approx([(2.5 + 2 / (1 - level) * 1.5) / 3 for level in LEVELS])


def test_coverage_interval_draws_whole_users():
    # user 0 has one rating, outside, user 2 two, inside: a resample holds 0, 2/3 or all of the ratings inside
    low, high = calibration_of([3, 5, 0], [3, 5, 0]).levels[0].coverage_interval
    assert (low, high) == (0.0, 1.0)


def test_each_level_has_its_own_coverage_width_and_interval():
    # level number l holds the first 2 l of user 2's ratings, of user 0's none: widths grow with it
    sums, half_widths = CoverageSums(3), np.arange(10.0)
    truth, middles = np.append(np.arange(1.0, 21.0) / 2 - 0.25, 50.0), np.zeros(21)
    bounds = middles - half_widths[:, None], middles + half_widths[:, None]
    sums.add(USERS, np.append(np.zeros(20, int), 1), truth, middles, bounds)
    assert sums.inside.tolist() == [[0, 0, 2 * level] for level in range(10)]
    levels = judged(sums, np.array([1, 0, 20])).levels
    assert [at_level.coverage for at_level in levels] == [2 * level / 21 for level in range(10)]
    assert [level.width for level in levels] == pytest.approx(2 * half_widths)
    assert [at_level.coverage_interval for at_level in levels] == [(0.0, 2 * level / 20) for level in range(10)]


def test_an_interval_for_each_level_is_required():
    with pytest.raises(ValueError, match="zip"):
        sums_of([3, 4, 2], [3, 4.5, 4]).result(COUNTS, [])


def test_blocks_add_up_to_the_whole():
    low, high = TRUTH - [0.5, -0.1, 0.3], TRUTH + [0.1, 0.5, 0.2]
    sums = CoverageSums(3)
    for user, pairs in ((2, [0, 1]), (0, [2])):
        bounds = at_each_level(low[pairs], high[pairs])
        sums.add(np.array([user]), np.zeros(len(pairs), int), TRUTH[pairs], TRUTH[pairs] + 1, bounds)
    assert judged(sums, COUNTS) == calibration_of(low, high, predictions=TRUTH + 1)


def test_crps_of_a_uniform_distribution_is_near_its_closed_form():
    # truth in the middle of a uniform distribution of width 2: the integral of (F(x) - 1{x >= 0})^2 is 1/6
    sums = CoverageSums(1)
    bounds = -np.array(LEVELS)[:, None], np.array(LEVELS)[:, None]
    sums.add(np.array([0]), np.array([0]), np.array([0.0]), np.array([0.0]), bounds)
    assert judged(sums, np.array([1])).crps == pytest.approx(1 / 6, abs=0.003)


def test_nothing_to_judge_is_refused():
    with pytest.raises(DataError, match="no pairs of rating and prediction interval"):
        CoverageSums(2).result(np.zeros(2, int), [])


def test_conformal_quantile_is_the_score_at_the_place_one_further_than_the_share():
    scores = np.array([0.4, 0.1, 0.9, 0.2])  # of five places, the new one among them
    levels = np.array([0.1, 0.2, 0.21, 0.5, 0.8, 0.81, 0.99])
    assert conformal_quantiles(scores, levels).tolist() == [0.1, 0.1, 0.2, 0.4, 0.9]


def test_conformal_quantile_does_not_slip_a_place_by_rounding():
    levels = np.array([percent / 100 for percent in range(1, 100)])
    assert np.array_equal(conformal_quantiles(np.arange(1.0, 100.0), levels), np.arange(1.0, 100.0))


def test_conformal_bounds_hold_what_they_promise_for_further_scores():
    rng = np.random.default_rng(0)
    levels = np.array([0.5, 0.9])
    inside = [rng.exponential(size=200)[:, None] <= conformal_quantiles(rng.exponential(size=29), levels) for _ in range(400)]
    np.testing.assert_allclose(np.mean(inside, axis=(0, 1)), levels, atol=0.012)
