"""Columns of ids: integers where every id is one, else texts; and their numbers in the order of appearance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.readers.columns.places import Place
from refeed.readers.columns.texts import is_text, plain

LARGEST_TABLE = 1 << 24  # integers from the smallest to the largest id


@dataclass
class IdColumn:
    """A column of ids of users or items.

    Attributes:
        kind: used in messages.
        place: where the column stands.
        parse: whether texts that are all canonical integers ("7", but not "07" or "+7") become integers; a text file has
            no types of its own, a table has. False once a batch had others: then all ids stay texts, and trying takes long.
    """

    kind: Literal["user", "item"]
    place: Place
    parse: bool

    def read(self, array: pa.Array, *, first_row: int) -> pa.Array:
        """A batch of ids, (rows,) of int64 or large_string; `first_row` is the row of the first, for messages.

        Raises:
            DataError: an id is missing or empty, or the column holds neither integers nor texts.
        """
        array = plain(array)
        if array.null_count:
            raise self._missing(array.is_null(), first_row)
        if pa.types.is_integer(array.type):
            return self._as_int64(array, first_row)
        if not is_text(array.type):
            raise self.place.error(
                first_row,
                f"{self.kind} ids are integers or texts, but this column holds {array.type}",
                fix=f"Convert the column first, or name another one: {self.kind}='…' (--{self.kind}).",
            )
        integers = canonical_integers(array) if self.parse else None
        if integers is not None:
            return integers
        self.parse = False
        empty = pc.equal(pc.binary_length(array), 0)
        if pc.any(empty).as_py():
            raise self._missing(empty, first_row)
        return array

    def _as_int64(self, array: pa.Array, first_row: int) -> pa.Array:
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            raise self.place.error(
                first_row, f"a {self.kind} id does not fit into a signed 64-bit integer", fix="Pass such ids as texts."
            ) from None

    def _missing(self, absent: pa.Array, first_row: int) -> Exception:
        return self.place.error(
            first_row + int(np.argmax(np.asarray(absent))),
            f"the {self.kind} id is empty",
            fix=f"Fill it in, remove the row, or name another column: {self.kind}='…' (--{self.kind}).",
        )


class IdNumbers:
    """Gives each id a number, from 0 in the order of appearance.

    Attributes:
        ids: the ids by their numbers, int64, or large_string once one of them is no integer.
    """

    def __init__(self) -> None:
        self.ids: pa.Array = pa.array([], pa.int64())

    def of(self, chunks: Sequence[pa.Array]) -> npt.NDArray[np.int32]:
        """The number of each id in `chunks`, one after the other, int32 (all of them,)."""
        target = _common_type([self.ids, *chunks])
        self.ids = self.ids.cast(target)
        ids = pa.concat_arrays([chunk.cast(target) for chunk in chunks])
        numbers = _places(ids, self.ids)
        new = numbers < 0
        if new.any():
            unseen = ids.filter(pa.array(new))
            self.ids = pa.concat_arrays([self.ids, unseen.unique()])
            numbers[new] = _places(unseen, self.ids)
        return numbers


def _places(ids: pa.Array, known: pa.Array) -> npt.NDArray[np.int32]:
    """The place of each id among the distinct `known` ones, -1 where it is not there, int32 (ids,).

    Integers that lie close together are looked up in a table, which takes a tenth of the time of a hash.
    """
    if pa.types.is_integer(ids.type) and len(ids):
        wanted, there = np.asarray(ids), np.asarray(known)
        low, high = int(there.min(initial=wanted.min())), int(there.max(initial=wanted.max()))
        if high - low < LARGEST_TABLE:
            table = np.full(high - low + 1, -1, np.int32)
            table[there - low] = np.arange(len(there), dtype=np.int32)
            places: npt.NDArray[np.int32] = table[wanted - low]
            return places
    return np.array(pc.fill_null(pc.index_in(ids, value_set=known), -1))


def joined_ids(chunks: Sequence[pa.Array]) -> pa.Array:
    """All ids, in order: int64 if all `chunks` are integers, else large_string."""
    target = _common_type(chunks)
    return pa.concat_arrays([pa.array([], target), *(chunk.cast(target) for chunk in chunks)])


def _common_type(chunks: Sequence[pa.Array]) -> pa.DataType:
    return pa.int64() if all(pa.types.is_integer(chunk.type) for chunk in chunks) else pa.large_string()


def canonical_integers(texts: pa.Array) -> pa.Array | None:
    """The texts as int64 if each is exactly how that integer is written, else None (so "0002844" stays a text)."""
    try:
        integers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return integers if integers.cast(texts.type).equals(texts) else None
