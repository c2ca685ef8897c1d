"""Columns of ids: integers where all of them are, else texts; numbered in the order of appearance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.rating_columns import Origin

MAX_TABLE = 1 << 24  # integers from the smallest to the largest id


@dataclass
class IdColumn:
    """Reads a column of ids of users or items, and numbers them.

    Attributes:
        kind: used in messages.
        origin: the column, for messages.
        parse: whether texts that are all canonical integers ("7", but not "07" or "+7") become integers; a text file has
            no types of its own, a table has. False once a batch had others: then all ids stay texts, and trying takes long.
        max_table: integers as close together as this are looked up in a table, others by their hash.
        ids: the ids by their numbers, int64, or large_string once one of them is no integer.
    """

    kind: Literal["user", "item"]
    origin: Origin
    parse: bool
    max_table: int = MAX_TABLE
    ids: pa.Array = field(default_factory=partial(pa.array, [], pa.int64()))

    def read(self, array: pa.Array, *, first_row: int) -> pa.Array:
        """A batch of ids, (rows,) of int64 or large_string; `first_row` is the row of the first, for messages.

        Raises:
            DataError: an id is missing or empty, or the column holds neither integers nor texts.
        """
        if array.null_count:
            raise self._missing(array.is_null(), first_row)
        if pa.types.is_integer(array.type):
            return self._as_int64(array, first_row)
        if not pa.types.is_large_string(array.type):
            raise self.origin.error(
                first_row,
                f"{self.kind} ids are integers or texts, but this column holds {array.type}",
                fix=f"Convert the column first, or name another one: {self.kind}='…' (--{self.kind}).",
            )
        if self.parse:
            try:
                integers = array.cast(pa.int64())
                if integers.cast(array.type).equals(array):
                    return integers
            except pa.ArrowInvalid:
                pass
            self.parse = False
        empty = pc.equal(pc.binary_length(array), 0)
        if pc.any(empty).as_py():
            raise self._missing(empty, first_row)
        return array

    def encode(self, chunks: Sequence[pa.Array]) -> pa.DictionaryArray:
        """Number ids that were read: `chunks`, one after the other, as int32 (all of them,) into `ids`."""
        is_text = any(pa.types.is_large_string(array.type) for array in (self.ids, *chunks))
        target = pa.large_string() if is_text else pa.int64()
        self.ids = self.ids.cast(target)
        ids = pa.concat_arrays([chunk.cast(target) for chunk in chunks])
        numbers = self._find(ids)
        new = numbers < 0
        if new.any():
            unseen = ids.filter(pa.array(new))
            self.ids = pa.concat_arrays([self.ids, unseen.unique()])
            numbers[new] = self._find(unseen)
        return pa.DictionaryArray.from_arrays(pa.array(numbers), self.ids)

    def _find(self, ids: pa.Array) -> npt.NDArray[np.int32]:
        """The number of each id, -1 where it has none yet, int32 (ids,).

        Integers that lie close together are looked up in a table, which takes a tenth of the time of a hash.
        """
        if pa.types.is_integer(ids.type) and len(ids):
            wanted, known = np.asarray(ids), np.asarray(self.ids)
            low, high = int(known.min(initial=wanted.min())), int(known.max(initial=wanted.max()))
            if high - low < self.max_table:
                table = np.full(high - low + 1, -1, np.int32)
                table[known - low] = np.arange(len(known), dtype=np.int32)
                numbers: npt.NDArray[np.int32] = table[wanted - low]
                return numbers
        return np.array(pc.fill_null(pc.index_in(ids, value_set=self.ids), -1))

    def _as_int64(self, array: pa.Array, first_row: int) -> pa.Array:
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            raise self.origin.error(
                first_row, f"a {self.kind} id does not fit into a signed 64-bit integer", fix="Pass such ids as texts."
            ) from None

    def _missing(self, absent: pa.Array, first_row: int) -> Exception:
        return self.origin.error(
            first_row + int(np.argmax(np.asarray(absent))),
            f"the {self.kind} id is empty",
            fix=f"Fill it in, remove the row, or name another column: {self.kind}='…' (--{self.kind}).",
        )


def joined_ids(chunks: Sequence[pa.Array]) -> pa.Array:
    """All ids, in order: int64 if all `chunks` are integers, else large_string."""
    target = pa.int64() if all(pa.types.is_integer(chunk.type) for chunk in chunks) else pa.large_string()
    return pa.concat_arrays([pa.array([], target), *(chunk.cast(target) for chunk in chunks)])
