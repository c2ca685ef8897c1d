"""Columns of any Arrow type that holds texts as one type, in UTF-8 that is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from refeed.data.rating_columns import Origin


def plain(array: pa.Array, origin: Origin, *, first_row: int) -> pa.Array:
    """`array` without dictionary encoding, its texts as large_string; other types stay.

    Args:
        array: any type (rows,); binary is taken as text in UTF-8, unchecked as the CSV parser gives it.
        origin: the column, for messages.
        first_row: the row of the source (from 0) of the array's first value.

    Raises:
        DataError: bytes that are not UTF-8, with their line.
    """
    if pa.types.is_dictionary(array.type):
        values = plain(array.dictionary, origin, first_row=first_row)
        return values.take(array.indices)  # dictionary_decode does not know string_view
    if pa.types.is_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    if not pa.types.is_binary(array.type):
        return array
    try:
        return array.cast(pa.large_string())
    except pa.ArrowInvalid:
        row = first_refused(array, lambda part: part.cast(pa.large_string()))
        raise origin.error(
            first_row + row,
            f"the bytes {array[row].as_py()[:60]!r} are not UTF-8 text",
            fix="If the file is in an older encoding, give it: encoding='latin-1' (--encoding latin-1).",
        ) from None


def first_refused(array: pa.Array, convert: Callable[[pa.Array], Any]) -> int:
    """Position of the first value of `array` on which `convert` raises ArrowInvalid, given that it raises on the whole."""
    accepted, refused = 0, len(array)
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if can_convert(array.slice(accepted, middle - accepted), convert):
            accepted = middle
        else:
            refused = middle
    return accepted


def can_convert(array: pa.Array, convert: Callable[[pa.Array], Any]) -> bool:
    """Whether `convert` takes every value of `array`."""
    try:
        convert(array)
    except pa.ArrowInvalid:
        return False
    return True
