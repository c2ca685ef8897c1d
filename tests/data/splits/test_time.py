"""Splits by time: a global line, the paper's four, and each user's own."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.time import NetflixSplit, TimeSplit, UserTimeSplit
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.errors import ConfigError, SplitError


def world(times, *, items: int = 10) -> Ratings:
    """Users 0, 1, … rate items 0 … items - 1 each, at these times in that order."""
    count = len(times)
    return Ratings.from_columns(
        np.arange(count) // items, np.arange(count) % items, np.ones(count), timestamps=np.asarray(times, np.int64)
    )


def shuffled_times(count: int, seed: int = 0):
    return np.random.default_rng(seed).permutation(count)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def times_of(part: Ratings) -> set[int]:
    return set(part.timestamps.tolist())


def test_past_is_for_training_and_future_for_validation_or_test():
    split = TimeSplit(at="300").apply(world(shuffled_times(400)))
    assert times_of(split.train) == set(range(300))
    assert times_of(split.valid) | times_of(split.test) == set(range(300, 400))
    assert not times_of(split.valid) & times_of(split.test)
    assert split.notes == ("The future begins at 1970-01-01T00:05:00Z.",)


def test_ratings_outside_the_span_are_left_out_and_counted():
    split = TimeSplit(at="300", train_from="50", test_until="390").apply(world(shuffled_times(400)))
    assert times_of(split.train) == set(range(50, 300))
    assert times_of(split.valid) | times_of(split.test) == set(range(300, 390))
    assert split.left_out == {"before 50": 50, "from 390 on": 10}


@pytest.mark.parametrize(
    "text", ["2005-12-01", "2005-12-01T00:00:00Z", "2005-12-01T02:00:00+02:00", "2005-11-30T23:59:59.5", "1133395200"]
)
def test_one_moment_may_be_written_in_many_ways(text):
    start = seconds("2005-12-01") - 300
    split = TimeSplit(at=text).apply(world(shuffled_times(400) + start))
    assert times_of(split.train) == set(range(start, start + 300))


def test_fraction_is_the_share_of_ratings_before_the_boundary():
    split = TimeSplit(fraction=0.29).apply(world(shuffled_times(100) * 7))
    assert times_of(split.train) == set(range(0, 29 * 7, 7))


def test_fraction_counts_within_the_span_only():
    split = TimeSplit(fraction=0.5, train_from="100", test_until="300").apply(world(shuffled_times(400)))
    assert times_of(split.train) == set(range(100, 200))


def test_ratings_of_one_second_stay_together():
    split = TimeSplit(fraction=0.55).apply(world(shuffled_times(400) // 40))
    assert times_of(split.train) == set(range(5))
    assert len(split.train) == 200


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), min_size=20, max_size=80), st.floats(0.05, 0.95))
def test_no_training_rating_is_as_late_as_any_other(times, fraction):
    try:
        split = TimeSplit(fraction=fraction).apply(world(times))
    except SplitError:
        return
    assert split.train.timestamps.max() < min(split.valid.timestamps.min(), split.test.timestamps.min())
    assert len(split.train) <= fraction * len(times) + 1e-6


def test_coin_is_fair_and_follows_the_seed():
    ratings = world(shuffled_times(20_000), items=100)
    split, again, other = (TimeSplit(at="10000", seed=seed).apply(ratings) for seed in (1, 1, 2))
    assert abs(len(split.valid) - 5_000) < 200
    assert split.fingerprint == again.fingerprint != other.fingerprint
    assert abs(len(TimeSplit(at="10000", valid_share=0.2).apply(ratings).valid) - 2_000) < 200


def netflix_like() -> Ratings:
    """40 users and 50 items with a rating each half day from November 1999 to the end of 2005."""
    rng = np.random.default_rng(3)
    span = np.arange(seconds("1999-11-15"), seconds("2006-01-01"), 43_200)
    cells = rng.permutation(100 * 50)[: len(span)]
    return Ratings.from_columns(cells // 50, cells % 50, np.ones(len(span)), timestamps=span)


@pytest.mark.parametrize(
    ("name", "train_from", "at", "until"),
    [
        ("full", "1999-12-01", "2005-12-01", "2006-01-01"),
        ("3-months", "2005-09-01", "2005-12-01", "2006-01-01"),
        ("6-months", "2005-06-01", "2005-12-01", "2006-01-01"),
        ("1-year", "2004-06-01", "2005-06-01", "2005-07-01"),
    ],
)
def test_netflix_splits_are_the_months_of_the_paper(name, train_from, at, until):
    ratings = netflix_like()
    split = NetflixSplit(name, seed=4).apply(ratings)
    assert split.train.timestamps.min() == seconds(train_from)
    assert split.train.timestamps.max() == seconds(at) - 43_200
    held_out = np.concatenate([split.valid.timestamps, split.test.timestamps])
    cold = sum(counts.ratings for counts in split.cold.values())
    assert len(held_out) + cold == (seconds(until) - seconds(at)) // 43_200
    assert held_out.min() >= seconds(at)
    assert held_out.max() < seconds(until)
    assert split.splitter == NetflixSplit(name, seed=4)
    by_dates = TimeSplit(at=at, train_from=train_from, test_until=until, seed=4).apply(ratings)
    assert by_dates.fingerprint == split.fingerprint


def test_local_time_zone_does_not_move_the_months(monkeypatch):
    expected = NetflixSplit("1-year").apply(netflix_like()).fingerprint
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert NetflixSplit("1-year").apply(netflix_like()).fingerprint == expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_unknown_netflix_split_is_refused():
    with pytest.raises(ConfigError, match="name: '2-years' is not a choice; did you mean '1-year'"):
        NetflixSplit("2-years")


def test_last_ratings_of_each_user_are_test_and_those_before_valid():
    split = UserTimeSplit(last=1, valid_last=2).apply(world([5, 1, 3, 2, 4, 0, 14, 13, 12, 11, 10, 15], items=6))
    assert split.train.to_arrow()["time"].to_pylist() == [1, 2, 0, 12, 11, 10]
    assert split.valid.to_arrow()["time"].to_pylist() == [3, 4, 13]
    assert split.test.to_arrow()["time"].to_pylist() == [15]
    assert [split.cold[name].ratings for name in ("valid", "test")] == [1, 1]  # item 0 is in no training rating


def test_last_alone_takes_as_many_for_valid():
    ratings = world([5, 1, 3, 2, 4, 0, 11, 10, 12, 14, 13, 15], items=6)
    by_one, by_two = UserTimeSplit(last=1).apply(ratings), UserTimeSplit(last=1, valid_last=1).apply(ratings)
    assert by_one.fingerprint == by_two.fingerprint


def test_share_of_each_user_is_rounded_down():
    ratings = world(np.concatenate([shuffled_times(10), shuffled_times(10, 1) + 50]), items=10)
    split = UserTimeSplit(fraction=0.25, valid_fraction=0.3).apply(ratings)
    held_out = [len(part) + split.cold[name].ratings for name, part in (("valid", split.valid), ("test", split.test))]
    assert held_out == [6, 4]
    assert times_of(split.train) == {0, 1, 2, 3, 4, 50, 51, 52, 53, 54}


def test_users_with_too_few_ratings_stay_in_the_training_set_and_are_counted():
    ratings = Ratings.from_columns(
        [1] * 6 + [2] * 6 + [3] * 2 + [4], [*range(6), *range(6), 0, 1, 5], np.ones(15),
        timestamps=[0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, 8, 9, 7],
    )  # fmt: skip
    split = UserTimeSplit(last=1).apply(ratings)
    assert split.train.to_arrow().filter(split.train.to_arrow()["user"].to_numpy() > 2).num_rows == 3
    assert split.notes[0] == "Users with too few ratings for all three sets, whose ratings are all for training: 2."


def test_ties_at_a_border_go_by_item_and_are_counted():
    ratings = Ratings.from_columns([1] * 4 + [2] * 4, [0, 1, 2, 3, 3, 2, 1, 0], np.ones(8), timestamps=[7, 7, 7, 7, 0, 1, 2, 3])
    split = UserTimeSplit(last=1).apply(ratings)
    assert split.test.to_arrow().to_pylist()[0]["item"] == 3
    assert split.valid.to_arrow().to_pylist()[0]["item"] == 2
    assert split.notes[1] == "Users with a border between ratings of the same second, taken in the order of the items: 1."


def test_share_too_small_for_every_user_is_refused():
    with pytest.raises(SplitError, match=r"the valid set has no ratings \(train 100, valid 0, test 0\)"):
        UserTimeSplit(fraction=0.01).apply(world(shuffled_times(100)))


@pytest.mark.parametrize("splitter", [TimeSplit(fraction=0.8), NetflixSplit("full"), UserTimeSplit(last=1)])
def test_ratings_without_timestamps_are_refused(splitter):
    with pytest.raises(SplitError, match="needs timestamps, and these ratings have none\n  Name the time column"):
        splitter.apply(replace(world(shuffled_times(100)), timestamps=None))


def test_no_ratings_at_all_are_refused():
    empty = world(shuffled_times(100)).select(np.zeros(100, bool))
    with pytest.raises(SplitError, match="there are no ratings to split"):
        TimeSplit(fraction=0.5).apply(empty)


def test_boundary_outside_the_ratings_names_the_empty_set_and_the_span():
    span = "the ratings reach from 1970-01-01T00:00:00Z to 1970-01-01T00:01:39Z"
    message = rf"the train set has no ratings \(train 0, valid \d+, test \d+\).*\n.*{span}"
    with pytest.raises(SplitError, match=message):
        TimeSplit(at="0").apply(world(shuffled_times(100)))
    with pytest.raises(SplitError, match=r"the valid set has no ratings \(train 100, valid 0, test 0\)"):
        TimeSplit(at="2020-01-01").apply(world(shuffled_times(100)))
    with pytest.raises(SplitError, match="no rating lies between train_from and test_until"):
        TimeSplit(fraction=0.5, train_from="1000").apply(world(shuffled_times(100)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (TimeSplit, "either at \\(a date\\) or fraction"),
        (lambda: TimeSplit(at="5", fraction=0.5), "exactly one of them"),
        (lambda: TimeSplit(fraction=80), "fraction: expected a share between 0 and 1 or none, got 80"),
        (lambda: TimeSplit(at="5", valid_share=1.0), "valid_share: expected a share"),
        (lambda: TimeSplit(at="December"), "at: expected a date such as 2005-12-01 .* got 'December'"),
        (lambda: TimeSplit(at="5", test_until="2005-13-01"), "test_until: expected a date"),
        (UserTimeSplit, "either fraction or last"),
        (lambda: UserTimeSplit(fraction=0.1, last=2), "exactly one of them"),
        (lambda: UserTimeSplit(fraction=0.1, valid_last=2), "valid_fraction goes with fraction"),
        (lambda: UserTimeSplit(last=1, valid_fraction=0.1), "valid_fraction goes with fraction"),
        (lambda: UserTimeSplit(last=0), "last: expected at least 1 or none, got 0"),
        (lambda: UserTimeSplit(last=1, valid_last=0), "valid_last: expected at least 1 or none, got 0"),
        (lambda: UserTimeSplit(fraction=1.0), "fraction: expected a share"),
    ],
)
def test_options_out_of_range_are_refused(build, message):
    with pytest.raises(SplitError, match=message):
        build()


def test_movielens_1m_at_80_percent_is_the_shared_time_split(datasets):
    table = pq.read_table(datasets / "ml-1m" / "ratings.parquet")
    encoded = table["time80"].combine_chunks().dictionary_encode()
    labels = {"time80": LabelColumn(np.asarray(encoded.indices).astype(np.uint8), tuple(encoded.dictionary.to_pylist()))}
    ratings = Ratings.from_columns(
        table["user"].combine_chunks(), table["item"].combine_chunks(), table["rating"].to_numpy(),
        timestamps=table["timestamp"].to_numpy(), labels=labels,
    )  # fmt: skip
    ours, shared = TimeSplit(fraction=0.8).apply(ratings), ColumnSplit("time80").apply(ratings)
    assert ours.train.fingerprint == shared.train.fingerprint
    assert len(ours.train) == 800_167
    assert len(ours.valid) + len(ours.test) == len(shared.valid) + len(shared.test) == 103_046
    assert sum(counts.ratings for counts in ours.cold.values()) == shared.left_out["unseen"] == 96_996


def test_half_a_million_ratings_are_split_within_two_seconds():
    ratings = synthetic_ratings(3_000, 4_000, 500_000)
    begin = time.perf_counter()
    for splitter in (TimeSplit(fraction=0.8), UserTimeSplit(fraction=0.1)):
        splitter.apply(ratings)
    assert time.perf_counter() - begin < 2
