"""The residual variance of ratings, by hand and for users and items that differ in it."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from helpers.small_worlds import history_of, random_ratings, ratings_of
from refeed.data import row_blocks
from refeed.data.ratings import Ratings, RatingScale
from refeed.intervals.spread import PRIOR_RATINGS, ResidualVariance

K = PRIOR_RATINGS


def plain(*, item_variances, item_counts, variance=1.0, mean=3.0) -> ResidualVariance:
    n = len(item_counts)
    return ResidualVariance(
        mean, variance, np.zeros(n, np.float32), np.asarray(item_variances, np.float32), np.asarray(item_counts)
    )


def test_residual_variance_of_two_ratings_by_hand():
    residual_variance = ResidualVariance.of(ratings_of((1, "a", 5), (2, "b", 3)))
    levels = np.array([1, -1]) / (1 + K)  # the mean is 4
    residuals = np.array([1, -1]) - levels
    squares = (residuals - residuals / (1 + K)) ** 2
    assert residual_variance.mean == 4.0
    assert residual_variance.item_levels == pytest.approx(levels) and residual_variance.item_counts.tolist() == [1, 1]
    assert residual_variance.variance == pytest.approx(squares.mean())
    assert residual_variance.item_variances == pytest.approx((squares + K * squares.mean()) / (1 + K))


def test_spread_of_a_pair_by_hand():
    residual_variance = plain(item_variances=[1.5, 2.0], item_counts=[4, 9])
    user = history_of({0: 5.0}, num_items=2)  # 2 above the mean, 2 / 11 of it their bias
    user_variance = ((2 - 2 / (1 + K)) ** 2 + K) / (1 + K)
    expected = [sqrt(user_variance * 1.5 * (1 + 1 / 2 + 1 / 5)), sqrt(user_variance * 2.0 * (1 + 1 / 2 + 1 / 10))]
    assert residual_variance.spread(user, np.array([0, 0]), np.array([0, 1])) == pytest.approx(expected)


def test_new_user_without_ratings_has_the_common_variance_and_the_most_uncertainty():
    residual_variance = plain(item_variances=[1.0], item_counts=[9], variance=1.0)
    spread = residual_variance.spread(history_of({}, num_items=1), np.array([0]), np.array([0]))
    assert spread == pytest.approx([sqrt(1 + 1 + 0.1)])


def test_users_and_items_of_larger_variance_get_a_wider_spread():
    rng = np.random.default_rng(0)
    user_noise, item_noise = np.repeat([0.3, 1.2], 20), np.tile([0.4, 1.0], 15)
    values = 3 + rng.normal(size=(40, 30)) * user_noise[:, None] * item_noise
    users, items = np.divmod(np.arange(1200), 30)
    train = Ratings.from_columns(users, items, values.ravel(), scale=RatingScale(-9.0, 15.0))
    spread = ResidualVariance.of(train).spread(train.rows(), users, items).reshape(40, 30)
    assert spread[20:].mean() > 2.0 * spread[:20].mean()
    assert spread[:, 1::2].mean() > 1.7 * spread[:, ::2].mean()


def test_blocks_do_not_change_the_residual_variance(monkeypatch):
    train = random_ratings()
    whole = ResidualVariance.of(train)
    monkeypatch.setattr(row_blocks, "BLOCK", 7)
    parts = ResidualVariance.of(train)
    assert (parts.mean, parts.variance) == pytest.approx((whole.mean, whole.variance), rel=1e-12)
    np.testing.assert_allclose(parts.item_variances, whole.item_variances, rtol=1e-6)


def test_equal_ratings_have_a_tiny_spread_and_no_division_by_zero():
    train = ratings_of((1, "a", 4), (1, "b", 4), (2, "a", 4))
    spread = ResidualVariance.of(train).spread(train.rows(), np.array([0, 1]), np.array([1, 0]))
    assert ((spread > 0) & (spread < 1e-5)).all()
