"""`Ratings`: sparse rows with ids, a scale, times and labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data import row_blocks
from refeed.data.ratings import LabelColumn, Ratings, RatingScale
from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError

USERS, ITEMS, VALUES, TIMES = ["v", "u", "v", "u", "w"], [20, 10, 10, 30, 10], [4, 0, -1, 2.5, 3], [5, 4, 3, 2, 1]
LABELS = {"part": LabelColumn(np.array([0, 1, 0, 1, 0], np.uint8), ("train", "test"))}


def example(**options) -> Ratings:
    return Ratings.from_columns(USERS, ITEMS, VALUES, timestamps=TIMES, labels=LABELS, **options)


def triples(ratings: Ratings) -> list[tuple]:
    table = ratings.to_arrow()
    return list(zip(*(table.column(name).to_pylist() for name in ("user", "item", "rating")), strict=True))


def test_columns_in_any_order_become_sorted_rows():
    ratings = example()
    assert (ratings.users.ids.to_pylist(), ratings.items.ids.to_pylist()) == (["u", "v", "w"], [10, 20, 30])
    assert ratings.indptr.tolist() == [0, 2, 4, 5]
    assert ratings.indices.tolist() == [0, 2, 0, 1, 0]
    assert ratings.values.tolist() == [0.0, 2.5, -1.0, 4.0, 3.0]
    assert ratings.timestamps.tolist() == [4, 2, 3, 5, 1]
    assert ratings.labels["part"].codes.tolist() == [1, 1, 0, 0, 0]
    assert (len(ratings), ratings.num_users, ratings.num_items, ratings.density) == (5, 3, 3, 5 / 9)
    assert ratings.user_counts.tolist() == [2, 2, 1] and ratings.item_counts.tolist() == [3, 1, 1]
    assert ratings.row_of_rating.tolist() == [0, 0, 1, 1, 2]


def test_scale_is_that_of_the_ratings_unless_declared():
    assert example().scale == RatingScale(-1.0, 4.0)
    assert example(scale=RatingScale(-5, 5)).scale == RatingScale(-5, 5)
    assert RatingScale(1, 5).clip(np.array([0.0, 3.5, 9.0])).tolist() == [1.0, 3.5, 5.0]


def test_representation_names_the_sizes():
    assert repr(example()) == "Ratings(5 ratings, 3 users x 3 items, -1 to 4, with times)"
    assert repr(replace(example(), timestamps=None)).endswith("without times)")


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (([], [], []), {}, "there are no ratings"),
        ((["a", "b"], [1, 2], [1, np.nan]), {}, "rating number 2 is nan, expected a finite number"),
        ((["a", "b"], [1, 2], [1, -np.inf]), {}, "rating number 2 is -inf"),
        ((["a"], [1], [6]), {"scale": RatingScale(1, 5)}, "rating number 1 is 6, outside the declared scale 1 to 5"),
        ((["a", "b"], [1], [1, 2]), {}, "must have the same length"),
        ((["a"], [1], [1]), {"timestamps": [1, 2]}, "must have the same length"),
        ((["a", 1], [1, 2], [1, 2]), {}, "user ids must be all integers or all strings"),
        (
            (["a", "a"], [1, 1], [1, 2]),
            {},
            r"user 'a' rated item 1 more than once \(1 such repeats in all; the first in rows 1 and 2",
        ),
    ],
)
def test_columns_that_are_no_ratings_are_refused(columns, options, message):
    with pytest.raises(DataError, match=message):
        Ratings.from_columns(*columns, **options)


def test_scale_upside_down_is_refused():
    with pytest.raises(DataError, match="rating scale: the minimum 5 is above the maximum 1"):
        RatingScale(5, 1)


@pytest.mark.parametrize(
    ("policy", "timestamps", "value", "time"),
    [("last", [30, 10, 20], 1.0, 30), ("last", [7, 7, 7], 4.0, 7), ("last", None, 4.0, None), ("mean", [30, 10, 20], 3.0, 30)],
)
def test_duplicates_are_resolved_by_the_policy(policy, timestamps, value, time):
    ratings = Ratings.from_columns(["a", "a", "a", "b"], [1, 1, 1, 1], [1, 4, 4, 2], duplicates=policy,
                                   timestamps=None if timestamps is None else [*timestamps, 0])  # fmt: skip
    assert triples(ratings) == [("a", 1, value), ("b", 1, 2.0)]
    assert time is None or ratings.timestamps.tolist() == [time, 0]


def test_number_of_merged_ratings_is_noted():
    ratings = Ratings.from_columns(["a"] * 3, [1] * 3, [1, 2, 3], duplicates="last", notes=("made up",))
    assert ratings.notes == (
        "made up",
        "duplicates: 2 rating(s) of a user and item that were rated already; the latest is kept",
    )
    assert Ratings.from_columns(["a", "b"], [1, 1], [1, 2], duplicates="mean").notes == ()


def test_given_vocabularies_fix_the_positions_and_unknown_ids_are_refused():
    fixed = Vocabulary(["w", "v", "u", "t"], kind="user"), Vocabulary([30, 10, 20], kind="item")
    ratings = example(vocabularies=fixed)
    assert ratings.user_counts.tolist() == [1, 2, 2, 0]
    assert sorted(triples(ratings)) == sorted(triples(example()))
    with pytest.raises(DataError, match="unknown user 'v'"):
        example(vocabularies=(Vocabulary(["u", "w"], kind="user"), fixed[1]))


def test_rows_are_histories_with_wide_types():
    compact = replace(example(), indices=example().indices.astype(np.uint16), values=np.array([0, 2, -1, 4, 3], np.int8))
    history = compact.rows([2, 0])
    assert (history.indices.dtype, history.values.dtype, history.timestamps.dtype) == (np.int64, np.float32, np.int64)
    assert (history.indices.tolist(), history.values.tolist(), history.users.tolist()) == ([0, 0, 2], [3.0, 0.0, 2.0], [2, 0])
    assert len(compact.rows()) == 3 and compact.rows().num_items == 3


def test_selection_keeps_users_and_items():
    part = example().select(np.array([False, True, False, True, False]))
    assert triples(part) == [("u", 30, 2.5), ("v", 20, 4.0)]
    assert (part.num_users, part.num_items, part.timestamps.tolist()) == (3, 3, [2, 5])
    assert part.labels["part"].codes.tolist() == [1, 0]


def test_other_vocabularies_drop_what_they_lack_and_say_what_was_kept():
    users, items = Vocabulary(["x", "v", "u"], kind="user"), Vocabulary([20, 10], kind="item")
    moved, kept = example().reindexed(users, items)
    assert triples(moved) == [("v", 20, 4.0), ("v", 10, -1.0), ("u", 10, 0.0)]
    assert kept.tolist() == [True, False, True, True, False]
    assert (moved.indptr.tolist(), moved.timestamps.tolist()) == ([0, 0, 2, 3], [5, 3, 4])


def test_users_and_items_that_do_not_occur_are_dropped_on_request():
    part = example().select(np.array([True, False, False, False, False])).occurring()
    assert (part.users.ids.to_pylist(), part.items.ids.to_pylist(), triples(part)) == (["u"], [10], [("u", 10, 0.0)])


def test_transposing_twice_gives_the_same_ratings():
    turned = example().transposed()
    assert (turned.num_users, turned.indices.tolist(), turned.values.tolist()) == (
        3,
        [0, 1, 2, 1, 0],
        [0.0, -1.0, 3.0, 4.0, 2.5],
    )
    assert turned.transposed().fingerprint == example().fingerprint
    assert turned.labels["part"].codes.tolist() == [1, 0, 0, 0, 1]


@given(st.permutations(range(5)))
def test_fingerprint_does_not_depend_on_the_order_of_the_rows(order):
    shuffled = Ratings.from_columns(*([column[i] for i in order] for column in (USERS, ITEMS, VALUES)),
                                    timestamps=[TIMES[i] for i in order])  # fmt: skip
    assert shuffled.fingerprint == example().fingerprint and len(shuffled.fingerprint) == 32


@pytest.mark.parametrize(
    "changed",
    [
        lambda r: replace(r, values=r.values + np.float32(0.5)),
        lambda r: replace(r, timestamps=r.timestamps + 1),
        lambda r: replace(r, timestamps=None),
        lambda r: replace(r, scale=RatingScale(-1, 5)),
        lambda r: replace(r, users=Vocabulary(["u", "v", "ww"], kind="user")),
        lambda r: replace(r, items=Vocabulary(["10", "20", "30"], kind="item")),
        lambda r: replace(r, indices=np.array([0, 1, 0, 1, 0])),
    ],
    ids=["values", "times", "no times", "scale", "users", "type of ids", "places"],
)
def test_fingerprint_depends_on_everything_that_matters(changed):
    assert changed(example()).fingerprint != example().fingerprint


def test_arrow_table_has_ids_ratings_times_and_labels():
    table = example().to_arrow()
    assert table.column_names == ["user", "item", "rating", "time", "part"]
    assert table.slice(0, 2).to_pylist() == [
        {"user": "u", "item": 10, "rating": 0.0, "time": 4, "part": "test"},
        {"user": "u", "item": 30, "rating": 2.5, "time": 2, "part": "test"},
    ]


@pytest.mark.parametrize("block", [1, 2, 3])
def test_nothing_depends_on_the_size_of_the_blocks(monkeypatch, block):
    users, items = Vocabulary(["x", "v", "u"], kind="user"), Vocabulary([20, 10], kind="item")
    chosen = np.array([False, True, False, True, True])
    whole = [example().transposed(), example().select(chosen), *example().reindexed(users, items)]
    tables = [ratings.to_arrow() for ratings in whole[:3]]
    monkeypatch.setattr(row_blocks, "BLOCK", block)
    parts = [example().transposed(), example().select(chosen), *example().reindexed(users, items)]
    assert [ratings.to_arrow() for ratings in parts[:3]] == tables
    assert parts[3].tolist() == whole[3].tolist()
    assert [pa.concat_tables(ratings.arrow_blocks()) for ratings in whole[:2]] == tables[:2]
    assert len(list(whole[0].arrow_blocks())) == (3 if block == 1 else 2)
    assert parts[0].item_counts.tolist() == whole[0].item_counts.tolist()


def test_lower_vocabularies_in_the_same_order_need_no_sorting(monkeypatch):
    ratings = example()
    monkeypatch.setattr("refeed.data.ratings.pair_order", None)
    moved, _ = ratings.reindexed(Vocabulary(["a", "u", "w"], kind="user"), Vocabulary([10, 30], kind="item"))
    assert triples(moved) == [("u", 10, 0.0), ("u", 30, 2.5), ("w", 10, 3.0)]
