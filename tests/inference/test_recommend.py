"""Recommendations on a model whose scores are known: 3.5, 2, 6 (clipped to 5) and 3 for a, b, c and d."""

from __future__ import annotations

import math

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, ratings_of
from refeed.errors import ConfigError, DataError
from refeed.inference.recommend import Recommendation, recommend
from refeed.inference.recommend import history_of as seen_by

TRAIN = ratings_of(("u1", "a", 4), ("u1", "b", 2), ("u2", "c", 3), ("u2", "d", 1))
FITTED = model_of_item_biases(TRAIN, [0.5, -1.0, 3.0, 0.0], titles=("Alien", None, "Casablanca", "Dune"))


def items(recommendations) -> list[str]:
    return [one.item for one in recommendations]


def test_unseen_items_come_by_their_score_with_title_and_clipped_rating():
    assert recommend(FITTED, "u1") == [
        Recommendation(1, "c", "Casablanca", 5.0),
        Recommendation(2, "d", "Dune", 3.0),
    ]


def test_seen_items_can_be_kept_and_others_left_out():
    assert items(recommend(FITTED, "u1", exclude_seen=False)) == ["c", "a", "d", "b"]
    assert items(recommend(FITTED, "u1", exclude_seen=False, exclude=("c", "b"))) == ["a", "d"]


def test_k_bounds_the_list_and_may_exceed_the_catalogue():
    assert items(recommend(FITTED, "u1", k=1)) == ["c"]
    assert len(recommend(FITTED, {"a": 4}, k=1000)) == 3
    with pytest.raises(ConfigError, match="k: expected at least 1, got 0"):
        recommend(FITTED, "u1", k=0)


def test_new_person_is_their_ratings():
    assert items(recommend(FITTED, {"c": 5, "a": 1.0})) == ["d", "b"]


def test_person_without_a_rating_is_refused():
    with pytest.raises(DataError, match=r"no rating of an item that the model knows(.|\n)*Give at least one rating"):
        recommend(FITTED, {})
    with pytest.raises(DataError, match="no rating of an item that the model knows"):
        recommend(FITTED, "u1", history=ratings_of(("u1", "zz", 4)))


def test_ids_may_be_given_as_text_or_as_numbers():
    numbered = model_of_item_biases(ratings_of((1, 10, 4), (1, 20, 2), (2, 30, 3)), [0.5, -1.0, 3.0])
    assert recommend(numbered, "1") == recommend(numbered, 1)
    assert recommend(numbered, {"10": 4.0}, exclude=("30",)) == recommend(numbered, {10: 4.0}, exclude=(30,))
    with pytest.raises(DataError, match="item ids here are integers, but not all of those given are"):
        recommend(numbered, {"ten": 4.0})
    named = model_of_item_biases(ratings_of(("1", "10", 4), ("1", "20", 2)), [0.5, -1.0])
    assert items(recommend(named, 1, exclude_seen=False)) == ["10", "20"]


def test_items_of_equal_score_come_in_the_order_of_the_catalogue():
    level = model_of_item_biases(TRAIN, [0.0, 0.0, 0.0, 0.0])
    assert items(recommend(level, {"b": 3.0})) == ["a", "c", "d"]
    assert recommend(level, {"b": 3.0})[0].title is None


def test_everything_seen_leaves_nothing_to_recommend():
    assert recommend(FITTED, dict.fromkeys("abcd", 3.0)) == []


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("u7", "unknown user 'u7': not among the 2 users known here"),
        (7, "unknown user '7'"),
        ({"x": 3.0}, "unknown item 'x'"),
        ({"a": 5.5}, "the rating 5.5 of item 'a' is outside the scale 1 to 5"),
        ({"a": 3.0, "b": math.nan}, "the rating nan of item 'b' is outside the scale 1 to 5"),
    ],
)
def test_unknown_ids_and_ratings_off_the_scale_are_named(who, message):
    with pytest.raises(DataError, match=message):
        recommend(FITTED, who)


def test_unknown_item_to_exclude_is_named():
    with pytest.raises(DataError, match="unknown item 'x'"):
        recommend(FITTED, "u1", exclude=("x",))


def test_model_without_histories_needs_one_given():
    bare = model_of_item_biases(TRAIN, [0.5, -1.0, 3.0, 0.0], keep_histories=False)
    with pytest.raises(DataError, match=r"keeps no histories(.|\n)*--history FILE"):
        recommend(bare, "u1")
    assert items(recommend(bare, "u1", history=TRAIN)) == ["c", "d"]
    assert items(recommend(bare, {"a": 4.0})) == ["c", "d", "b"]


def test_given_history_brings_new_users_and_other_ratings_of_known_ones():
    given = ratings_of(("new", "a", 4), ("new", "c", 1), ("new", "zz", 5), ("u1", "c", 2), ("u9", "d", 1))
    assert items(recommend(FITTED, "new", history=given)) == ["d", "b"]
    assert items(recommend(FITTED, "u1", history=given)) == ["a", "d", "b"]
    assert seen_by(FITTED, "u1", history=given).users.tolist() == [0]  # the model still knows who that is
    assert seen_by(FITTED, "new", history=given).users.tolist() == [-1]
    with pytest.raises(DataError, match="unknown user 'u2': not among the 3 users"):
        recommend(FITTED, "u2", history=given)


def test_history_is_not_for_a_new_users_ratings():
    with pytest.raises(ConfigError, match="history: not used with a new user's ratings"):
        recommend(FITTED, {"a": 4.0}, history=TRAIN)


def test_history_of_a_known_user_names_them_and_of_a_new_one_nobody():
    assert seen_by(FITTED, "u2").users.tolist() == [1]
    new = seen_by(FITTED, {"d": 2.0, "a": 4.0})
    assert new.users.tolist() == [-1]
    assert (new.indices.tolist(), new.values.tolist()) == ([0, 3], [4.0, 2.0])
    assert np.array_equal(new.indptr, [0, 2])
