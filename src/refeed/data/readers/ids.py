"""Collecting a column of ids, batch by batch: integers where every id is one, else texts."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.readers.places import Place
from refeed.data.readers.texts import is_text, plain


class IdCollector:
    """Gathers ids of users or items into one Arrow array of int64 or large_string.

    Args:
        kind: "user" or "item", used in messages.
        place: the column.
        parse: whether texts that are all canonical integers ("7", but not "07" or "+7") become integers; a text file has
            no types of its own, a table has.
    """

    def __init__(self, *, kind: Literal["user", "item"], place: Place, parse: bool) -> None:
        self._kind, self._place, self._parse = kind, place, parse
        self._chunks: list[pa.Array] = []
        self._rows = 0

    def add(self, array: pa.Array) -> None:
        """Take one batch of ids.

        Raises:
            DataError: an id is missing or empty, or the column holds neither integers nor texts.
        """
        self._chunks.append(self._convert(plain(array)))
        self._rows += len(array)

    def finish(self) -> pa.Array:
        """All ids, in order."""
        integers = all(pa.types.is_integer(chunk.type) for chunk in self._chunks)
        target = pa.int64() if integers and self._chunks else pa.large_string()
        return pa.concat_arrays([pa.array([], target), *(chunk.cast(target) for chunk in self._chunks)])

    def _convert(self, array: pa.Array) -> pa.Array:
        if array.null_count:
            raise self._missing(array.is_null())
        if pa.types.is_integer(array.type):
            return self._as_int64(array)
        if not is_text(array.type):
            raise self._place.error(
                self._rows,
                f"{self._kind} ids are integers or texts, but this column holds {array.type}",
                fix=f"Convert the column first, or name another one: {self._kind}='…' (--{self._kind}).",
            )
        empty = pc.equal(pc.binary_length(array), 0)
        if pc.any(empty).as_py():
            raise self._missing(empty)
        integers = canonical_integers(array) if self._parse else None
        return array if integers is None else integers

    def _as_int64(self, array: pa.Array) -> pa.Array:
        try:
            return array.cast(pa.int64())
        except pa.ArrowInvalid:
            raise self._place.error(
                self._rows, f"a {self._kind} id does not fit into a signed 64-bit integer", fix="Pass such ids as texts."
            ) from None

    def _missing(self, absent: pa.Array) -> Exception:
        row = self._rows + int(np.argmax(np.asarray(absent)))
        return self._place.error(
            row,
            f"the {self._kind} id is empty",
            fix=f"Fill it in, remove the row, or name another column: {self._kind}='…' (--{self._kind}).",
        )


def canonical_integers(texts: pa.Array) -> pa.Array | None:
    """The texts as int64 if each is exactly how that integer is written, else None (so "0002844" stays a text)."""
    try:
        integers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return integers if integers.cast(texts.type).equals(texts) else None
