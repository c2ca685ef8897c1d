"""Text columns: bytes to checked UTF-8, and dictionary-encoded columns to plain ones."""

from __future__ import annotations

import pyarrow as pa

from refeed.readers.columns.places import Place, first_refused


def is_text(type_: pa.DataType) -> bool:
    """Whether values of this Arrow type are texts."""
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def plain(array: pa.Array) -> pa.Array:
    """`array` without dictionary encoding, texts as large_string."""
    if pa.types.is_dictionary(array.type):
        array = plain(array.dictionary).take(array.indices)  # dictionary_decode does not know string_view
    return array.cast(pa.large_string()) if is_text(array.type) else array


def decoded(array: pa.Array, *, place: Place, first_row: int) -> pa.Array:
    """Bytes as large_string.

    Args:
        array: binary (rows,), as the CSV parser gives it.
        place: the column, for messages.
        first_row: the row of the source (from 0) of the array's first value.

    Raises:
        DataError: bytes that are not UTF-8, with their line.
    """
    try:
        return _to_text(array)
    except pa.ArrowInvalid:
        row = first_refused(array, _to_text)
        raise place.error(
            first_row + row,
            f"the bytes {array[row].as_py()[:60]!r} are not UTF-8 text",
            fix="If the file is in an older encoding, say which: encoding='latin-1' (--encoding latin-1).",
        ) from None


def _to_text(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(pa.large_string())
