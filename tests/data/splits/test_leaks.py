"""The leak auditor on worlds whose leaks are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.splits.base import Split
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.leaks import audit_leaks
from refeed.data.splits.random import RandomSplit
from refeed.data.splits.time import TimeSplit
from refeed.data.synthetic.in_memory import synthetic_ratings


def labelled(rows: list[tuple[int, int, str, int]]) -> Split:
    """The split of ratings given as user, item, label and time."""
    users, items, labels, times = zip(*rows, strict=True)
    names = ("train", "valid", "test")
    codes = np.array([names.index(label) for label in labels], np.uint8)
    ratings = Ratings.from_columns(
        users, items, np.ones(len(rows)), timestamps=times, labels={"part": LabelColumn(codes, names)}
    )
    return ColumnSplit("part").apply(ratings)


LEAKY = [
    (1, 1, "train", 10),
    (1, 2, "train", 50),
    (2, 1, "train", 20),
    (2, 2, "train", 30),
    (3, 1, "train", 5),
    (3, 2, "train", 60),
    (3, 3, "train", 60),
    (1, 3, "valid", 40),
    (2, 3, "test", 25),  # before a training rating of user 2 (30) and before the newest (60)
    (1, 4, "test", 50),  # at the second of user 1's newest
    (3, 4, "test", 60),  # at the second of the newest of all
    (2, 4, "train", 1),
]


def test_shares_and_ties_of_a_leaky_split_are_exact():
    report = audit_leaks(labelled(LEAKY))
    assert report.future_leaks is True
    assert report.times is not None
    assert report.times.train_after_first_test == pytest.approx(4 / 8)
    assert report.times.test_before_last_train == pytest.approx(2 / 3)
    assert report.times.test_before_own_train == pytest.approx(1 / 3)
    assert (report.times.ties, report.times.own_ties) == (1, 2)
    assert report.findings == (
        "The future leaks: 50% of the training ratings are later than the earliest test rating.",
        "67% of the test ratings are older than the newest training rating.",
        "33% of the test ratings are older than a training rating of the same user.",
        "1 test ratings are of the very second of the newest training rating.",
        "2 test ratings are of the very second of the same user's newest training rating.",
    )


def test_global_time_split_does_not_leak():
    split = TimeSplit(fraction=0.8).apply(synthetic_ratings(100, 60, 3_000))
    report = audit_leaks(split)
    assert report.future_leaks is False
    assert report.verdict == "The future does not leak: no training rating is later than the earliest test rating."
    assert report.findings[0] == report.verdict
    cold = split.cold["test"]
    expected = f"{cold.ratings:,} test ratings were dropped, since {cold.users:,} users and {cold.items:,} items of test "
    assert report.findings[-1] == expected + "have no training rating."


def test_tie_at_the_border_is_no_leak_but_is_named():
    report = audit_leaks(labelled([(1, 1, "train", 5), (1, 2, "valid", 9), (2, 2, "train", 9), (2, 1, "test", 9)]))
    assert report.future_leaks is False
    assert report.findings[1:] == (
        "1 test ratings are of the very second of the newest training rating.",
        "1 test ratings are of the very second of the same user's newest training rating.",
    )


def test_random_split_leaks_and_shares_are_never_rounded_to_nothing_or_all():
    report = audit_leaks(RandomSplit().apply(synthetic_ratings(100, 60, 3_000)))
    assert report.verdict.startswith("The future leaks: more than 99% of the training ratings")
    rows = [(user, item, "train", 10 + user) for user in range(40) for item in range(5)]
    rows += [(0, 6, "train", 99), (1, 6, "valid", 60), (2, 6, "test", 90)]
    assert "leaks: less than 1% of the training" in audit_leaks(labelled(rows)).verdict


def test_repeated_pairs_are_counted_for_each_two_parts():
    split = labelled(LEAKY)
    report = audit_leaks(replace(split, test=split.valid))
    assert report.repeated_pairs == {"train and valid": 0, "train and test": 0, "valid and test": 1}
    assert report.findings[0] == "1 pairs of a user and an item are in both valid and test."


def test_without_timestamps_time_cannot_be_judged():
    ratings = replace(synthetic_ratings(50, 30, 600, seed=1), timestamps=None)
    report = audit_leaks(RandomSplit().apply(ratings))
    assert report.future_leaks is None
    assert report.times is None
    assert report.findings == ("Whether the future leaks cannot be judged: the ratings have no timestamps.",)


def test_report_is_plain_json():
    values = json.loads(json.dumps(audit_leaks(labelled(LEAKY)).to_dict()))
    assert values["future_leaks"] is True
    assert values["times"]["ties"] == 1
    assert values["cold"]["test"] == {"users": 0, "items": 0, "ratings": 0}
    assert len(values["findings"]) == 5
