"""Ids of users or items, strings or integers, to indices 0 … size-1 and back."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.row_blocks import index_counts
from refeed.errors import DataError

Id = int | str
Ids: TypeAlias = Any  # a sequence of int or str, a NumPy array, or an Arrow array (pyarrow carries no types)


class Vocabulary:
    """The ids of users or items, in the order of their indices; all strings or all integers.

    Args:
        ids: distinct ids, an Arrow array of type int64 or (large_)string without nulls, or a sequence of int or str.
        kind: "user" or "item", used in messages.

    Raises:
        DataError: ids are mixed (1 and "1"), of another type, null, or not distinct.
    """

    def __init__(self, ids: Ids, *, kind: str) -> None:
        self.kind = kind
        self.ids = as_id_array(ids, kind=kind)
        if pc.count_distinct(self.ids).as_py() != len(self.ids):
            raise DataError(f"{kind} ids of a vocabulary must be distinct")

    @classmethod
    def from_occurrences(cls, ids: Ids, *, kind: str) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
        """A sorted vocabulary of the ids that occur, and the index of each occurrence, int32 (len(ids),).

        Integers sort by value, strings by code point, so the order of the rows does not matter.

        Args:
            ids: as for a vocabulary, but not distinct.
            kind: "user" or "item", used in messages.
        """
        return cls.from_encoded(as_id_array(ids, kind=kind).dictionary_encode(), kind=kind)

    @classmethod
    def from_encoded(cls, ids: pa.DictionaryArray, *, kind: str) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
        """The same of ids that are numbered already: a dictionary array of distinct int64 or large_string, without nulls."""
        numbers = np.asarray(ids.indices)
        occurs = index_counts(numbers, len(ids.dictionary)) > 0
        vocabulary, indices = cls.sorted(ids.dictionary, occurs=occurs, kind=kind)
        return vocabulary, indices[numbers]

    @classmethod
    def sorted(cls, ids: pa.Array, *, occurs: npt.NDArray[np.bool_], kind: str) -> tuple[Vocabulary, npt.NDArray[np.int32]]:
        """A sorted vocabulary of those of the distinct `ids` that occur, and the index of each, -1 where it does not.

        Args:
            ids: int64 or large_string (ids,).
            occurs: bool (ids,).
            kind: "user" or "item", used in messages.
        """
        order = np.asarray(pc.sort_indices(ids))
        order = order[occurs[order]]
        indices = np.full(len(ids), -1, np.int32)
        indices[order] = np.arange(len(order), dtype=np.int32)
        vocabulary = cls.__new__(cls)  # without the checks of ids from outside
        vocabulary.kind, vocabulary.ids = kind, ids.take(pa.array(order))
        return vocabulary, indices

    def __len__(self) -> int:
        return len(self.ids)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and bool(self.ids.equals(other.ids))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} {self.kind}s, {'integers' if self.is_integer else 'strings'})"

    @property
    def is_integer(self) -> bool:
        """Whether the ids are integers (else strings)."""
        return bool(pa.types.is_integer(self.ids.type))

    def lookup(self, ids: Ids, *, missing: Literal["error", "mark"] = "error") -> npt.NDArray[np.int64]:
        """Positions of `ids`, shape (len(ids),).

        Args:
            ids: ids of this vocabulary's type.
            missing: "error" raises on an unknown id; "mark" gives -1 for it.

        Raises:
            DataError: an unknown id (with missing="error"), or ids of the other type.
        """
        array = as_id_array(ids, kind=self.kind)
        if len(array) == 0:
            return np.empty(0, np.int64)
        if pa.types.is_integer(array.type) != self.is_integer:
            have, got = ("integers", "strings") if self.is_integer else ("strings", "integers")
            raise DataError(f"{self.kind} ids here are {have}, but {got} were given (first: {array[0].as_py()!r})")
        if len(array) <= 1024:
            found = [self._indices.get(id_, -1) for id_ in array.to_pylist()]
            indices = np.array(found, np.int64)
        else:
            matches = pc.index_in(array, value_set=self.ids)
            indices = np.asarray(pc.fill_null(matches, -1)).astype(np.int64)
        if missing == "error" and (indices < 0).any():
            unknown = array[int(np.argmax(indices < 0))].as_py()
            raise DataError(f"unknown {self.kind} {unknown!r}: not among the {len(self):,} {self.kind}s known here")
        return indices

    def parse(self, text: str) -> Id:
        """The id that is written as `text`, in this vocabulary's type.

        Raises:
            DataError: the ids are integers and `text` is not one.
        """
        if not self.is_integer:
            return text
        try:
            return int(text)
        except ValueError:
            raise DataError(f"{self.kind} ids here are integers, got '{text}'") from None

    def align(self, ids: Ids) -> pa.Array:
        """`ids` in this vocabulary's type where they are written as such: 5 for "5" and the other way round.

        For ids from a file, whose type follows from how all of them are written.

        Raises:
            DataError: the ids here are integers, and one of `ids` is not.
        """
        array = as_id_array(ids, kind=self.kind)
        if pa.types.is_integer(array.type) == self.is_integer:
            return array
        if not self.is_integer:
            return array.cast(pa.large_string())
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise DataError(f"{self.kind} ids here are integers, but not all of those given are ({error})") from None

    def decode(self, indices: npt.ArrayLike) -> list[Id]:
        """The ids at `indices`, as Python ints or strs."""
        result: list[Id] = self.ids.take(pa.array(np.asarray(indices, np.int64))).to_pylist()
        return result

    def take(self, indices: npt.ArrayLike) -> Vocabulary:
        """The vocabulary of the ids at `indices`, in that order."""
        return Vocabulary(self.ids.take(pa.array(np.asarray(indices, np.int64))), kind=self.kind)

    @cached_property
    def _indices(self) -> dict[Id, int]:
        return {id_: index for index, id_ in enumerate(self.ids.to_pylist())}


def as_id_array(ids: Ids, *, kind: str) -> pa.Array:
    """`ids` as one Arrow array of int64 or large_string.

    Raises:
        DataError: ids mix integers and strings, are null, or are of another type (floats, booleans).
    """
    array = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if not isinstance(array, pa.Array):
        array = _from_python(array, kind)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count:
        raise DataError(f"{kind} id is missing (null) at index {int(np.argmax(np.asarray(array.is_null())))}")
    if pa.types.is_integer(array.type):
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            raise _too_large(kind) from None
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    if len(array) == 0:
        return pa.array([], pa.large_string())
    raise DataError(f"{kind} ids must be integers or strings, got {array.type}")


def _from_python(ids: Any, kind: str) -> pa.Array:
    try:
        return pa.array(ids)
    except OverflowError:
        raise _too_large(kind) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        kinds = sorted({type(value).__name__ for value in ids})
        raise DataError(
            f"{kind} ids must be all integers or all strings, got a mixture of {', '.join(kinds)}",
            fix="Make them one type first: 1 and '1' would be two different ids.",
        ) from error


def _too_large(kind: str) -> DataError:
    return DataError(f"a {kind} id does not fit into a signed 64-bit integer; pass such ids as strings")
