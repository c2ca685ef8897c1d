"""Bootstrap intervals over users, the paired test and Holm's correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from refeed.errors import ConfigError, DataError
from refeed.metrics.intervals import Interval, bootstrap_intervals, holm, paired_difference


def world(seed: int, users: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Squared error sums and counts of users who differ in how hard they are to predict; the true RMSE is 1."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 20, users)
    hardness = rng.gamma(4, 1 / 4, users)
    return hardness * rng.chisquare(counts), counts


def bootstrap_rmse_interval(squared: np.ndarray, counts: np.ndarray, **options) -> Interval:
    return bootstrap_intervals(squared, np.zeros(len(squared)), counts, **options)[0]


def bootstrap_mae_interval(absolute: np.ndarray, counts: np.ndarray, **options) -> Interval:
    return bootstrap_intervals(np.zeros(len(absolute)), absolute, counts, **options)[1]


def test_equal_users_leave_no_doubt():
    assert bootstrap_rmse_interval(np.full(5, 8.0), np.full(5, 2)) == (2.0, 2.0)
    assert bootstrap_mae_interval(np.full(5, 8.0), np.full(5, 2)) == (4.0, 4.0)


def test_further_quantities_get_the_interval_of_their_mean_from_the_same_resamples():
    (squared, counts), (other, _) = world(1), world(2)
    *_, first, second = bootstrap_intervals(squared, squared, counts, further=(other, counts), resamples=100)
    assert first == pytest.approx(bootstrap_mae_interval(other, counts, resamples=100), rel=1e-12)
    assert second == (1.0, 1.0)


@pytest.mark.parametrize("at_once", [1, 200, 10**6])  # one resample at a time, three (and a rest), and all at once
def test_users_are_the_same_however_many_resamples_are_drawn_together(at_once):
    sums, counts = world(1)
    generator = np.random.default_rng(0)
    draws = [generator.integers(60, size=60) for _ in range(100)]
    means = [sums[users].sum() / counts[users].sum() for users in draws]
    interval = bootstrap_mae_interval(sums, counts, resamples=100, users_at_once=at_once)
    assert interval == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))


def test_two_users_give_the_quantiles_of_the_four_equal_draws():
    low, high = bootstrap_mae_interval(np.array([1.0, 3.0]), np.array([1, 1]), level=0.4, resamples=4000)
    assert (low, high) == (2.0, 2.0)  # half of all draws take both users, a quarter each take one of them twice
    assert bootstrap_mae_interval(np.array([1.0, 3.0]), np.array([1, 1]), level=0.9, resamples=4000) == (1.0, 3.0)


def test_resamples_draw_users_with_their_number_of_ratings_as_scipy_does():
    sums, counts = world(1)
    ours = bootstrap_rmse_interval(sums, counts, resamples=4000)
    theirs = stats.bootstrap(
        (sums, counts),
        lambda s, c, axis: np.sqrt(s.sum(axis) / c.sum(axis)),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.01)
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_a_95_percent_interval_holds_the_truth_about_95_times_in_100():
    held = 0
    for seed in range(300):
        low, high = bootstrap_rmse_interval(*world(seed), resamples=200, seed=seed)
        held += low <= 1.0 <= high
    assert 0.90 <= held / 300 <= 0.98


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    sums, counts = world(3)
    assert bootstrap_rmse_interval(sums, counts, seed=5) == bootstrap_rmse_interval(sums, counts, seed=5)
    assert bootstrap_rmse_interval(sums, counts, seed=5) != bootstrap_rmse_interval(sums, counts, seed=6)


def test_users_without_test_ratings_change_nothing():
    sums, counts = world(4)
    with_empty = (np.append(sums, [0.0, 0.0]), np.append(counts, [0, 0]))
    assert bootstrap_rmse_interval(*with_empty) == bootstrap_rmse_interval(sums, counts)


def test_a_model_against_itself_differs_by_nothing():
    sums, counts = world(5)
    result = paired_difference(sums, sums, counts)
    assert (result.difference, result.low, result.high, result.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_model_that_is_better_for_every_user_is_found_better():
    sums, counts = world(6)
    result = paired_difference(sums * 0.81, sums, counts, resamples=999)
    expected = (0.9 - 1) * np.sqrt(sums.sum() / counts.sum())
    assert result.difference == pytest.approx(expected)
    assert result.low < expected < result.high < 0
    assert result.p_value == pytest.approx(2 / 1000)


def test_the_paired_interval_is_narrower_than_the_two_models_own():
    sums, counts = world(7)
    result = paired_difference(sums * 0.98, sums, counts)
    own = bootstrap_rmse_interval(sums, counts)
    assert result.high - result.low < 0.1 * (own.high - own.low)


def test_a_difference_that_is_only_chance_is_seldom_found():
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        counts = rng.integers(1, 10, 50)
        first, second = rng.chisquare(counts), rng.chisquare(counts)
        found += paired_difference(first, second, counts, resamples=199, seed=seed).p_value < 0.05
    assert found / 200 <= 0.10


def test_swapping_the_models_turns_the_sign():
    sums, counts = world(8)
    other = world(9)[0]
    forth, back = paired_difference(sums, other, counts), paired_difference(other, sums, counts)
    assert (back.difference, back.p_value) == (-forth.difference, forth.p_value)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_holm_gives_the_values_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_the_order_and_lies_between_raw_and_bonferroni(values):
    raw, adjusted = np.array(values), holm(values)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(raw * len(raw), 1) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


def test_holm_refuses_what_is_not_a_p_value():
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.5, np.nan])


@pytest.mark.parametrize(
    ("options", "name"), [({"level": 1.0}, "level"), ({"level": 0.0}, "level"), ({"resamples": 1}, "resamples")]
)
def test_an_option_out_of_range_is_named(options, name):
    with pytest.raises(ConfigError, match=f"{name}: expected"):
        bootstrap_rmse_interval(*world(0), **options)


def test_sums_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"shapes \(3,\), \(3,\) and counts \(2,\)"):
        bootstrap_rmse_interval(np.ones(3), np.ones(2, np.int64))
    with pytest.raises(DataError, match="no user has a pair"):
        bootstrap_rmse_interval(np.zeros(2), np.zeros(2, np.int64))
    with pytest.raises(DataError, match="1 of 2 users are not finite"):
        paired_difference(np.ones(2), np.array([1.0, np.nan]), np.ones(2, np.int64))
