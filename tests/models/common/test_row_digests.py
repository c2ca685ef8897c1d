"""A history is known again by its digest, and only that history."""

from __future__ import annotations

import numpy as np

from helpers.small_worlds import history_of
from refeed.models.common.row_digests import row_digests

FIRST = {0: 5.0, 3: 1.0, 7: 2.5}


def digests(*rows):
    return row_digests(history_of(*rows, num_items=9)).tolist()


def test_digest_is_of_the_row_alone():
    assert digests(FIRST, {}, {1: 2.0}, FIRST)[::3] == digests({4: 1.0}, FIRST)[1:] * 2


def test_every_change_changes_it():
    changed = [FIRST | {3: 1.5}, FIRST | {4: 1.0}, {0: 5.0, 3: 1.0}, {0: 1.0, 3: 5.0, 7: 2.5}, {1: 5.0, 3: 1.0, 7: 2.5}]
    assert len(set(digests(FIRST, *changed))) == 6


def test_both_signs_of_zero_are_one_rating_and_differ_from_no_rating():
    negative, positive, empty = digests({2: -0.0}, {2: 0.0}, {})
    assert negative == positive != 0 == empty


def test_all_rows_of_two_items_and_ten_values_differ():
    rows = [{0: a, 1: b} for a in np.arange(10.0) for b in np.arange(10.0)]
    assert len(set(digests(*rows))) == 100
