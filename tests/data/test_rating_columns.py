"""Ratings in the order of their source: blocks joined, faults found by row, and what becomes of them as `Ratings`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from refeed.data.rating_columns import Origin, RatingColumns, ValueCheck
from refeed.data.ratings import LabelColumn, Ratings, RatingScale
from refeed.errors import DataError

LINES = Origin(Path("ratings.csv"), locate=lambda row: (Path("ratings.csv"), row + 2))


def encoded(numbers, ids):
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32()), pa.array(ids))


def columns(users, items, values, **others):
    """Ratings of users and items with the ids 10, 11, … and 20, 21, …."""
    ids = [encoded(numbers, range(first, first + max(numbers) + 1)) for numbers, first in ((users, 10), (items, 20))]
    return RatingColumns(*ids, np.array(values, float), origin=LINES, **others)


def test_joined_blocks_have_the_ids_and_labels_of_the_last():
    blocks = [
        RatingColumns(
            encoded([0, 1], [10, 11]),
            encoded([0, 0], ["a"]),
            np.array([1.0, 2.0]),
            np.array([5, 6]),
            {"fold": LabelColumn(np.array([0, 0], np.uint8), ("train",))},
        ),
        RatingColumns(
            encoded([2], [10, 11, 12]),
            encoded([1], ["a", "b"]),
            np.array([3.0]),
            np.array([7]),
            {"fold": LabelColumn(np.array([1], np.uint8), ("train", "test"))},
            notes=("complete",),
        ),
    ]
    joined = RatingColumns.joined(blocks)
    assert (joined.users.to_pylist(), joined.items.to_pylist()) == ([10, 11, 12], ["a", "a", "b"])
    assert (joined.values.tolist(), joined.timestamps.tolist()) == ([1, 2, 3], [5, 6, 7])
    assert (joined.labels["fold"].names, joined.labels["fold"].codes.tolist()) == (("test", "train"), [1, 1, 0])
    assert joined.notes == ("complete",)


def test_ratings_and_their_columns_are_the_same_ratings():
    ratings = Ratings.from_columns(["b", "a", "a"], [3, 1, 2], [4, 0, 2.5], timestamps=[30, 10, 20], scale=RatingScale(0, 5))
    again = RatingColumns.from_ratings(ratings).to_ratings()
    assert again.to_arrow() == ratings.to_arrow()
    assert again.scale == RatingScale(0, 4)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39, 9.0])
@pytest.mark.parametrize("sizes", [(6,), (2, 4), (3, 3), (1, 1, 1, 1, 1, 1)])
def test_first_fault_is_named_by_its_line_whatever_the_blocks(value, sizes):
    values = np.array([1, 2, 3, value, 5, value])
    check = ValueCheck(RatingScale(1, 5), "error")
    for block in np.split(values, np.cumsum(sizes)[:-1]):
        assert check.add(block) is None
    with pytest.raises(DataError, match=r"2 such rating\(s\) in all") as caught:
        check.finish(LINES)
    assert caught.value.line == 5


def test_what_is_not_finite_comes_before_what_is_outside_the_scale():
    check = ValueCheck(RatingScale(1, 5), "error")
    check.add(np.array([9, np.inf]))
    with pytest.raises(DataError, match=r"inf is not finite \(1 such"):
        check.finish(LINES)


def test_ids_of_skipped_rows_alone_do_not_occur():
    source = columns([0, 1, 0], [0, 1, 2], [3, np.nan, 4])
    ratings = source.to_ratings(missing="skip")
    assert (ratings.users.ids.to_pylist(), ratings.items.ids.to_pylist()) == ([10], [20, 22])
    assert ratings.notes == ("missing: 1 row(s) without a rating are skipped",)
    with pytest.raises(DataError, match="absent") as caught:
        source.to_ratings()
    assert caught.value.line == 3


def test_repeats_are_named_by_the_lines_of_the_source_although_rows_are_skipped():
    source = columns([0, 0, 1, 0, 1], [0, 1, 0, 0, 0], [3, np.nan, 4, 5, 1])
    with pytest.raises(DataError, match=r"user 10 rated item 20 again, first in line 2 \(2 such repeats in all\)") as caught:
        source.to_ratings(missing="skip")
    assert caught.value.line == 5
    assert source.to_ratings(missing="skip", duplicates="mean").values.tolist() == [4, 2.5]
