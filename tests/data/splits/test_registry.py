"""Splits that do not go by time, and splitters as dictionaries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refeed.data import row_blocks
from refeed.data.ratings import LabelColumn, Ratings
from refeed.data.splits import base as split_assembly
from refeed.data.splits import time as time_splits
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.leaks import audit_leaks
from refeed.data.splits.random import KFoldSplit, RandomSplit
from refeed.data.splits.registry import split_from_dict, split_to_dict
from refeed.data.splits.time import NetflixSplit, TimeSplit, UserTimeSplit
from refeed.errors import ConfigError, SplitError


def dense_world(users: int = 20, items: int = 10, *, labels: dict[str, list[str]] | None = None) -> Ratings:
    """Everybody rates everything, rating number k at second k."""
    count = users * items
    columns = {}
    for name, values in (labels or {}).items():
        names = tuple(dict.fromkeys(values))
        columns[name] = LabelColumn(np.array([names.index(value) for value in values], np.uint8), names)
    return Ratings.from_columns(
        np.repeat(np.arange(users), items),
        np.tile(np.arange(items), users),
        np.arange(count) % 5 + 1,
        timestamps=np.arange(count),
        labels=columns,
    )


def pairs(ratings: Ratings) -> set[tuple[int, int]]:
    table = ratings.to_arrow()
    return set(zip(table["user"].to_pylist(), table["item"].to_pylist(), strict=True))


def sizes(split):
    return len(split.train), len(split.valid), len(split.test)


@st.composite
def small_worlds(draw):
    chosen = draw(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 6)), min_size=3, max_size=50))
    users, items = zip(*sorted(chosen), strict=True)
    count = len(users)
    codes = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    return Ratings.from_columns(
        users,
        items,
        draw(st.lists(st.integers(1, 5), min_size=count, max_size=count)),
        timestamps=draw(st.lists(st.integers(0, 30), min_size=count, max_size=count)),
        labels={"part": LabelColumn(np.array(codes, np.uint8), ("Train", "dev", "TEST", "unseen"))},
    )


SPLITTERS = (
    TimeSplit(fraction=0.5),
    TimeSplit(at="15", train_from="4", test_until="25", valid_share=0.4, seed=3),
    UserTimeSplit(fraction=0.3),
    UserTimeSplit(last=1),
    RandomSplit(valid=0.2, test=0.3),
    KFoldSplit(folds=3, fold=1, valid=0.3),
    ColumnSplit("part"),
)


@settings(max_examples=60)
@given(small_worlds(), st.sampled_from(SPLITTERS))
def test_every_rating_is_accounted_for(ratings, splitter):
    try:
        split = splitter.apply(ratings)
    except SplitError:
        return
    lost = sum(counts.ratings for counts in split.cold.values()) + sum(split.left_out.values())
    assert sum(sizes(split)) + lost == len(ratings)
    parts = [pairs(part) for part in (split.train, split.valid, split.test)]
    assert len(set.union(*parts)) == sum(sizes(split))
    assert set.union(*parts) <= pairs(ratings)


@settings(max_examples=60)
@given(small_worlds(), st.sampled_from(SPLITTERS))
def test_sets_share_the_vocabularies_of_the_training_set_and_keep_their_ratings(ratings, splitter):
    try:
        split = splitter.apply(ratings)
    except SplitError:
        return
    assert split.train.user_counts.min() > 0
    assert split.train.item_counts.min() > 0
    source = {(row["user"], row["item"]): row for row in ratings.to_arrow().to_pylist()}
    for part in (split.train, split.valid, split.test):
        assert part.users == split.train.users
        assert part.items == split.train.items
        assert part.scale == ratings.scale
        for row in part.to_arrow().to_pylist():
            assert row == source[row["user"], row["item"]]
        assert all(
            np.all(np.diff(part.indices[start:end]) > 0) for start, end in zip(part.indptr, part.indptr[1:], strict=False)
        )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(small_worlds(), st.sampled_from(SPLITTERS), st.sampled_from([1, 3, 8]))
def test_split_and_its_leaks_do_not_depend_on_the_size_of_the_blocks(monkeypatch, ratings, splitter, block):
    def outcome():
        try:
            split = splitter.apply(ratings)
        except SplitError as error:
            return str(error)
        return split.fingerprint, split.cold, split.left_out, split.notes, audit_leaks(split).to_dict()

    whole = outcome()
    with monkeypatch.context() as patch:
        patch.setattr(row_blocks, "BLOCK", block)
        patch.setattr(split_assembly, "BLOCK", block)
        patch.setattr(time_splits, "SORTED_AT_A_TIME", block)
        assert outcome() == whole


def labelled(rows: list[tuple[str, str, str]]) -> Ratings:
    """Ratings of 1 from rows of user, item and label."""
    users, items, labels = zip(*rows, strict=True)
    names = ("train", "valid", "test")
    codes = np.array([names.index(label) for label in labels], np.uint8)
    return Ratings.from_columns(users, items, np.ones(len(rows)), labels={"part": LabelColumn(codes, names)})


COLD_WORLD = [
    ("a", "x", "train"),
    ("a", "y", "train"),
    ("b", "x", "train"),
    ("a", "z", "valid"),  # z is cold
    ("b", "y", "valid"),
    ("c", "x", "test"),  # c is cold
    ("c", "w", "test"),  # c and w are cold
    ("b", "w", "test"),
    ("d", "x", "train"),
    ("d", "y", "test"),
]


def test_cold_users_and_items_are_dropped_and_counted():
    split = ColumnSplit("part").apply(labelled(COLD_WORLD))
    assert split.train.users.decode([0, 1, 2]) == ["a", "b", "d"]
    assert split.train.items.decode([0, 1]) == ["x", "y"]
    assert pairs(split.valid) == {("b", "y")}
    assert pairs(split.test) == {("d", "y")}
    valid, test = split.cold["valid"], split.cold["test"]
    assert (valid.users, valid.items, valid.ratings) == (0, 1, 1)
    assert (test.users, test.items, test.ratings) == (1, 1, 3)


@pytest.mark.parametrize(("side", "row", "count"), [("valid", 4, 1), ("test", 9, 3)])
def test_set_of_cold_ratings_alone_is_refused_with_the_counts(side, row, count):
    world = [rating for place, rating in enumerate(COLD_WORLD) if place != row]
    message = f"the {side} set has no ratings left: all {count} are of users or items without a training rating \\(4 training"
    with pytest.raises(SplitError, match=message):
        ColumnSplit("part").apply(labelled(world))


def test_random_split_has_exactly_the_shares():
    split = RandomSplit(valid=0.1, test=0.2).apply(dense_world())
    assert sizes(split) == (140, 20, 40)
    assert "Split(140 train, 20 valid, 40 test ratings by RandomSplit(" in repr(split)


@pytest.mark.parametrize("splitter_class", [RandomSplit, KFoldSplit])
def test_same_seed_same_split_and_another_seed_another(splitter_class):
    world = dense_world()
    first, again, other = (splitter_class(seed=seed).apply(world).fingerprint for seed in (5, 5, 6))
    assert first == again != other
    assert len(first) == 32


def test_fingerprint_of_the_source_is_kept():
    world = dense_world()
    assert RandomSplit().apply(world).source_fingerprint == world.fingerprint


def test_order_of_the_rows_does_not_matter_to_any_seeded_split():
    table = dense_world().to_arrow()
    order = np.random.default_rng(1).permutation(len(table))
    shuffled = Ratings.from_columns(
        table["user"].take(order), table["item"].take(order), table["rating"].to_numpy()[order],
        timestamps=table["time"].to_numpy()[order],
    )  # fmt: skip
    for splitter in (RandomSplit(), KFoldSplit(), TimeSplit(fraction=0.97)):
        assert splitter.apply(shuffled).fingerprint == splitter.apply(dense_world()).fingerprint


def test_folds_are_a_partition():
    world = dense_world()
    tests = [pairs(KFoldSplit(folds=4, fold=fold).apply(world).test) for fold in range(4)]
    assert [len(test) for test in tests] == [50] * 4
    assert set.union(*tests) == pairs(world)


def test_valid_of_a_fold_is_a_share_of_the_rest():
    assert sizes(KFoldSplit(folds=4, valid=0.2).apply(dense_world())) == (120, 30, 50)


def test_labels_are_matched_in_any_case_and_others_left_out_by_name():
    labels = ["Train", "Train", " VAL", "Testing", "unseen", "base", "Unseen"] * 30
    split = ColumnSplit("part").apply(dense_world(labels={"part": labels[:200]}))
    assert sizes(split) == (86, 29, 29)
    assert split.left_out == {"unseen": 28, "Unseen": 28}
    assert split.notes == ()


def test_missing_valid_label_draws_the_validation_set_at_random_and_notes_it():
    labels = ["test" if number % 7 == 0 else "train" for number in range(200)]
    split = ColumnSplit("part", valid=0.25, seed=4).apply(dense_world(labels={"part": labels}))
    assert sizes(split) == (128, 43, 29)
    assert split.notes == (
        "Column 'part' labels no rating as valid; 43 training ratings (25%) were drawn for it at random (seed 4).",
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["test", "unseen"], "no rating is labelled train, training or base; the labels there are: 'test', 'unseen'"),
        (["train", "probe"], "no rating is labelled test or testing; the labels there are: 'train', 'probe'"),
    ],
)
def test_column_without_train_or_test_names_its_labels(labels, message):
    with pytest.raises(SplitError, match=f"column 'part': {message}"):
        ColumnSplit("part").apply(dense_world(labels={"part": labels * 100}))


def test_unknown_column_names_those_there_are():
    with pytest.raises(SplitError, match=r"no label column 'fold'; the label columns there are: 'part', 'week'"):
        ColumnSplit("fold").apply(dense_world(labels={"part": ["train"] * 200, "week": ["1"] * 200}))
    with pytest.raises(SplitError, match="the label columns there are: none"):
        ColumnSplit("fold").apply(dense_world())


def test_empty_set_is_named_with_the_counts():
    with pytest.raises(SplitError, match=r"the valid set has no ratings \(train 4, valid 0, test 1\)"):
        RandomSplit(valid=0.05, test=0.2).apply(dense_world(users=1, items=5))
    with pytest.raises(SplitError, match=r"the test set has no ratings \(train 4, valid 1, test 0\)"):
        RandomSplit(valid=0.2, test=0.05).apply(dense_world(users=1, items=5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: RandomSplit(valid=0.0), "valid: expected a share between 0 and 1, got 0"),
        (lambda: RandomSplit(test=1.5), "test: expected a share between 0 and 1, got 1.5"),
        (lambda: RandomSplit(valid=0.5, test=0.5), "leave some for train, got 0.5 and 0.5"),
        (lambda: KFoldSplit(folds=1), "folds: expected at least 2, got 1"),
        (lambda: KFoldSplit(folds=5, fold=5), "fold: expected 0 to 4, got 5"),
        (lambda: KFoldSplit(valid=1.0), "valid: expected a share"),
        (lambda: ColumnSplit("part", valid=-0.1), "valid: expected a share between 0 and 1, got -0.1"),
    ],
)
def test_options_out_of_range_are_refused(build, message):
    with pytest.raises(SplitError, match=message):
        build()


@pytest.mark.parametrize("splitter", [*SPLITTERS, NetflixSplit("1-year", seed=2)])
def test_splitter_survives_a_round_trip_through_json(splitter):
    values = json.loads(json.dumps(split_to_dict(splitter)))
    assert split_from_dict(values) == splitter


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "randm"}, "split: kind 'randm' is not a way of splitting; did you mean 'random'?"),
        ({}, "split: kind None is not a way of splitting"),
        ({"kind": "random", "tests": 0.1}, "split 'random': unknown key 'tests'; did you mean 'test'?"),
        ({"kind": "column"}, "split 'column': 'column' is missing, and it has no default"),
        ({"kind": "netflix", "name": "2-years"}, "split 'netflix': name: '2-years' is not a choice"),
        ({"kind": "time", "at": 5}, "split 'time': at: expected a text or none, got 5"),
    ],
)
def test_unknown_or_missing_keys_are_refused(values, message):
    with pytest.raises(ConfigError) as caught:
        split_from_dict(values)
    assert message in str(caught.value)
