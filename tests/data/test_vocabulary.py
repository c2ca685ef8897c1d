"""Ids to positions and back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError

NAMES = Vocabulary(["b", "a", "été 🙂", "x" * 10_000], kind="item")
NUMBERS = Vocabulary([30, -1, 2**63 - 1], kind="user")


def test_positions_follow_the_order_given():
    assert NAMES.lookup(["a", "x" * 10_000, "b"]).tolist() == [1, 3, 0]
    assert NUMBERS.lookup([2**63 - 1, 30]).tolist() == [2, 0]
    assert NAMES.decode([2, 0, 0]) == ["été 🙂", "b", "b"]
    assert NUMBERS.decode([1]) == [-1]


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1)
)
def test_occurrences_give_a_sorted_vocabulary_and_come_back(ids):
    vocabulary, positions = Vocabulary.from_occurrences(ids, kind="user")
    assert vocabulary.decode(positions) == ids
    assert vocabulary.ids.to_pylist() == sorted(set(ids), key=lambda id_: id_ if isinstance(id_, int) else id_.encode())
    assert vocabulary.lookup(ids).tolist() == positions.tolist()


@pytest.mark.parametrize("names", [["c", "b", "a"], ["a", "b", "a"]], ids=["distinct", "repeated"])
def test_encoded_ids_give_the_vocabulary_of_those_that_occur(names):
    encoded = pa.DictionaryArray.from_arrays(pa.array([2, 0, 0, 2], pa.int32()), pa.array(names))
    vocabulary, positions = Vocabulary.from_occurrences(encoded, kind="user")
    assert vocabulary.decode(positions) == encoded.to_pylist()
    assert vocabulary.ids.to_pylist() == sorted(set(encoded.to_pylist()))


def test_encoded_ids_with_nulls_are_refused():
    for codes, names in (([0, None], ["a"]), ([0, 1], ["a", None])):
        encoded = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names))
        with pytest.raises(DataError, match=r"user id is missing \(null\) at index 1"):
            Vocabulary.from_occurrences(encoded, kind="user")


@pytest.mark.parametrize("repeats", [1, 2000], ids=["few", "many"])
def test_unknown_ids_are_errors_or_marked(repeats):
    ids = ["a", "nobody", "b"] * repeats
    with pytest.raises(DataError, match="unknown item 'nobody': not among the 4 items known here"):
        NAMES.lookup(ids)
    assert NAMES.lookup(ids, missing="mark").tolist() == [1, -1, 0] * repeats


def test_no_ids_have_no_indices_whatever_the_type():
    assert NUMBERS.lookup([]).shape == NAMES.lookup(pa.array([], pa.int64())).shape == (0,)


@pytest.mark.parametrize(
    ("vocabulary", "ids", "message"),
    [
        (NUMBERS, ["30"], "user ids here are integers, but strings were given .first: '30'"),
        (NAMES, [1], "item ids here are strings, but integers were given .first: 1"),
        (NAMES, ["a", 1], "item ids must be all integers or all strings, got a mixture of int, str"),
    ],
)
def test_ids_of_the_other_type_are_refused(vocabulary, ids, message):
    with pytest.raises(DataError, match=message):
        vocabulary.lookup(ids)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a", "a"], "user ids of a vocabulary must be distinct"),
        ([1, "1"], "a mixture of int, str"),
        (["a", None], r"user id is missing \(null\) at index 1"),
        ([1.0, 2.0], "user ids must be integers or strings, got double"),
        ([True], "user ids must be integers or strings, got bool"),
        ([2**63], "does not fit into a signed 64-bit integer; pass such ids as strings"),
        (np.array([2**63], np.uint64), "does not fit into a signed 64-bit integer; pass such ids as strings"),
    ],
)
def test_ids_that_are_no_vocabulary_are_refused(ids, message):
    with pytest.raises(DataError, match=message):
        Vocabulary(ids, kind="user")


@pytest.mark.parametrize(
    "ids",
    [
        ["a", "b"], np.array(["a", "b"]), pa.array(["a", "b"], pa.string()), pa.array(["a", "b"], pa.string_view()),
        pa.chunked_array([["a"], ["b"]]), pa.array(["a", "b"]).dictionary_encode(),
    ],
    ids=["list", "NumPy", "Arrow", "Arrow view", "chunks", "dictionary"],
)  # fmt: skip
def test_every_form_of_the_same_ids_is_the_same_vocabulary(ids):
    assert Vocabulary(ids, kind="item") == Vocabulary(["a", "b"], kind="item")


def test_integers_of_any_width_are_the_same_ids():
    assert Vocabulary(np.array([3, 4], np.uint8), kind="user") == Vocabulary([3, 4], kind="user")
    assert Vocabulary([3], kind="user") != Vocabulary(["3"], kind="user")
    assert Vocabulary([3], kind="user") != 3


def test_typed_text_becomes_an_id_of_the_right_type():
    assert NUMBERS.parse("30") == 30 and NAMES.parse("30") == "30"
    with pytest.raises(DataError, match="user ids here are integers, got 'thirty'"):
        NUMBERS.parse("thirty")


def test_part_of_a_vocabulary_keeps_the_given_order():
    part = NAMES.take([2, 0])
    assert (part.ids.to_pylist(), part.kind, len(part)) == (["été 🙂", "b"], "item", 2)


def test_representation_says_how_many_of_what():
    assert repr(NUMBERS) == "Vocabulary(3 users, integers)"
    assert repr(NAMES) == "Vocabulary(4 items, strings)"
    assert len(Vocabulary([], kind="user")) == 0


def test_vocabulary_is_not_hashable_since_it_is_large():
    with pytest.raises(TypeError, match="unhashable"):
        hash(NAMES)


@pytest.mark.parametrize(
    ("vocabulary", "ids", "expected"),
    [
        (NUMBERS, ["30", "-1"], [30, -1]),
        (NUMBERS, [30], [30]),
        (Vocabulary(["5", "x"], kind="item"), [5, 7], ["5", "7"]),
        (NAMES, ["a"], ["a"]),
    ],
)
def test_ids_of_a_file_are_aligned_with_the_type_here(vocabulary, ids, expected):
    assert vocabulary.align(ids).to_pylist() == expected


def test_ids_of_a_file_that_are_no_integers_are_refused_where_integers_are_known():
    with pytest.raises(DataError, match=r"user ids here are integers, but not all of those given are .*thirty"):
        NUMBERS.align(["30", "thirty"])
