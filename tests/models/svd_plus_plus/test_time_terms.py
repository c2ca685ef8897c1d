"""The terms of time: bins, mean times, deviations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import history_of
from refeed.models.svd_plus_plus.time_terms import YEAR, TimeTerms, deviation


def terms_of(*times, bins=4):
    terms = TimeTerms(3, bins)
    terms.begin_training(np.array(times))
    return terms


def dated(*rows):
    """A history of {item: time}."""
    history = history_of(*(dict.fromkeys(row, 3.0) for row in rows), num_items=3)
    return replace(history, timestamps=np.array([row[item] for row in rows for item in sorted(row)], np.int64))


def test_bins_divide_the_time_of_training_evenly():
    bins = terms_of(100, 180, 140).bins(np.array([100, 119, 120, 160, 180]))
    assert bins.tolist() == [0, 0, 1, 3, 3]


def test_times_before_and_after_training_fall_into_the_first_and_last_bin():
    assert terms_of(100, 180).bins(np.array([-5, 99, 181, 10**12])).tolist() == [0, 0, 3, 3]


def test_ratings_of_one_moment_have_one_bin():
    assert terms_of(7).bins(np.array([7])).tolist() == [0]


def test_latest_and_middle_of_each_user():
    history = dated({0: 10, 2: 40}, {}, {1: 7})
    terms = terms_of(0, 90)
    assert terms.latest(history).tolist() == [40, 90, 7]
    assert terms.middle(history).tolist() == [25.0, 90.0, 7.0]
    assert terms.times_of(history).tolist() == [10, 40, 7]


def test_history_without_times_is_taken_to_be_of_the_end_of_training():
    history = replace(dated({0: 10, 2: 40}, {}), timestamps=None)
    terms = terms_of(0, 90)
    assert terms.latest(history).tolist() == [90, 90] and terms.middle(history).tolist() == [90.0, 90.0]
    assert terms.times_of(history).tolist() == [90, 90]


def test_nobody_has_no_times():
    terms = terms_of(0, 90)
    assert terms.latest(dated()).shape == terms.middle(dated()).shape == (0,)


def test_deviation_rises_as_a_bent_root_on_both_sides():
    times, middle = np.array([0, 2, -32]) * int(YEAR), np.zeros(3)
    assert deviation(times, middle).tolist() == pytest.approx([0.0, 2**0.4, -4.0])
