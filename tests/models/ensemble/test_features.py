"""What is known of pairs, against values by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import history_of, random_ratings, ratings_of, with_times
from refeed.models.ensemble.features import LIMIT, NAMES, UNTIMED, MetaFeatures

DAY = 86_400
TRAIN = ratings_of((1, 10, 5), (1, 20, 3), (2, 10, 4), (2, 30, 2), (3, 10, 1), timestamps=np.arange(5) * DAY)


def learnt(train) -> MetaFeatures:
    features = MetaFeatures(train.num_items)
    features.learn(train)
    return features


def column(raw, name):
    return raw[:, NAMES.index(name)]


def test_features_are_counts_means_and_days_since():
    reader, history = learnt(TRAIN).reader(), TRAIN.rows()
    rows, items, times = np.array([0, 1]), np.array([2, 1]), np.array([4 * DAY, 2 * DAY])
    raw = reader.raw(history, rows, items, times)
    np.testing.assert_allclose(column(raw, "ratings of the user"), np.log1p([2, 2]))
    np.testing.assert_allclose(column(raw, "ratings of the item"), np.log1p([1, 1]))
    np.testing.assert_allclose(column(raw, "mean of the user"), [2 / 12, 0], atol=1e-12)  # the mean of all is 3
    np.testing.assert_allclose(column(raw, "mean of the item"), [-1 / 11, 0], atol=1e-7)
    np.testing.assert_allclose(column(raw, "days since the user rated"), np.log1p([3, 0]))  # not before their last rating
    np.testing.assert_allclose(column(raw, "days since the item was first rated"), np.log1p([1, 1]))
    np.testing.assert_allclose(column(raw, "days since the item was last rated"), np.log1p([1, 1]))


def test_local_effect_of_a_user_is_of_residuals_of_the_items_biases():
    reader, history = learnt(TRAIN).reader(), TRAIN.rows([0])
    raw = reader.raw(history, np.array([0]), np.array([2]), np.array([5 * DAY]))
    item_means = np.array([(2 + 1 - 2) / 13, 0.0])
    left = np.array([2.0, 0.0]) - item_means
    left = left - left.sum() / (2 + 5)
    np.testing.assert_allclose(column(raw, "local effect of the user, 10 ratings"), [left.sum() / 7], rtol=1e-6)


def test_local_effect_of_an_item_is_of_residuals_of_the_users_biases():
    reader = learnt(TRAIN).reader()
    raw = reader.raw(TRAIN.rows(), np.array([1]), np.array([0]))
    left = np.array([2.0, 1.0, -2.0]) - np.array([2 / 12, 0.0, -2 / 11])
    left = left - left.sum() / (3 + 5)
    np.testing.assert_allclose(column(raw, "local effect of the item, last 20 ratings"), [left.sum() / 8], rtol=1e-6)


@pytest.mark.parametrize("what", ["no times requested", "no times in the history", "no times in training"])
def test_what_is_not_known_counts_as_the_mean(what):
    ratings = with_times(random_ratings())
    features = learnt(replace(ratings, timestamps=None) if what == "no times in training" else ratings)
    history = replace(ratings.rows(), timestamps=None) if what == "no times in the history" else ratings.rows()
    times = None if what == "no times requested" else np.full(2, 946_684_800 + 3 * DAY)
    rows, items = np.array([3, 4]), np.array([1, 0])
    features.standardise_by(
        features.reader().raw(ratings.rows(), np.arange(9), np.arange(9), np.arange(9) * 10**6 + 950_000_000)
    )
    z = features.reader().of_pairs(history, rows, items, times)
    unknown = np.isnan(features.reader().raw(history, rows, items, times))
    assert unknown.any(0)[UNTIMED:].any() and not unknown[:, : UNTIMED - 1].any()
    assert unknown[:, UNTIMED - 1].all() == (what == "no times in training")
    assert (z[unknown] == 0).all() and np.isfinite(z).all() and (z[:, :UNTIMED] != 0).any()


def test_item_and_user_without_ratings_have_no_days():
    features = learnt(TRAIN.select(np.arange(5) != 3))  # the only rating of the third item
    new_user = replace(history_of({}, num_items=3), timestamps=np.array([], np.int64))
    raw = features.reader().raw(new_user, np.array([0]), np.array([2]), np.array([5 * DAY]))
    assert [name for name, value in zip(NAMES, raw[0], strict=True) if np.isnan(value)] == [
        name for name in NAMES if name.startswith("days")
    ]
    assert np.nan_to_num(raw).tolist() == [[0.0] * len(NAMES)]


def test_standardised_features_have_mean_0_and_mean_square_1_and_are_cut():
    ratings = with_times(random_ratings(users=40))
    features = learnt(ratings)
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 40, 500), rng.integers(0, ratings.num_items, 500), rng.integers(946_684_800, 955_000_000, 500)
    raw = features.reader().raw(ratings.rows(), *pairs)
    features.standardise_by(raw)
    z = features.reader().of_pairs(ratings.rows(), *pairs)
    inside = np.abs(z) < LIMIT
    expected = (raw - raw.mean(0)) / raw.std(0)
    np.testing.assert_allclose(z[inside], expected[inside], atol=1e-4)
    features.standardise_by(raw / 1e3)
    assert np.abs(features.reader().of_pairs(ratings.rows(), *pairs)).max() == LIMIT


@pytest.mark.parametrize("constant", [1.0, np.log1p(18), 1e-3, -4e5])
def test_feature_that_is_the_same_for_all_says_nothing(constant):
    ratings = random_ratings()
    features = learnt(ratings)
    features.standardise_by(np.full((997, len(NAMES)), constant))
    assert not features.reader().of_pairs(ratings.rows(), np.array([0]), np.array([1])).any()


def test_what_is_learnt_again_replaces_what_was_known():
    ratings = with_times(random_ratings())
    features = learnt(ratings)
    features.learn(replace(ratings, timestamps=None))
    raw = features.reader().raw(ratings.rows(), np.array([3]), np.array([4]), np.array([950_000_000]))
    unknown = [name for name, value in zip(NAMES, raw[0], strict=True) if np.isnan(value)]
    assert unknown == [
        "local effect of the item, last 20 ratings",
        "days since the item was first rated",
        "days since the item was last rated",
    ]


def test_without_times_pairs_are_sums_of_rows_and_items():
    ratings = with_times(random_ratings())
    features, history = learnt(ratings), ratings.rows()
    rows, items = np.divmod(np.arange(len(history) * history.num_items), history.num_items)
    features.standardise_by(features.reader().raw(history, rows, items))
    reader = features.reader()
    np.testing.assert_allclose(
        reader.of_pairs(history, rows, items), reader.of_rows(history)[rows] + reader.of_items()[items], atol=1e-6
    )


def test_unit_of_the_ratings_changes_no_standardised_feature():
    ratings = with_times(random_ratings())
    rows, items = np.arange(9), np.arange(9)
    times = np.full(9, 948_000_000)
    z = []
    for given in (ratings, ratings.in_units_of(0.01)):
        features = learnt(given)
        features.standardise_by(features.reader().raw(given.rows(), rows, items, times))
        z.append(features.reader().of_pairs(given.rows(), rows, items, times))
    np.testing.assert_allclose(z[0], z[1], atol=1e-4)
