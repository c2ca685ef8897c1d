"""Columns of ratings."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.rating_columns import Origin
from refeed.errors import shown
from refeed.readers.columns.texts import first_refused

DECIMAL_COMMA = r"^\s*[+-]?\d+,\d+\s*$"


@dataclass(frozen=True)
class RatingColumn:
    """Reads a column of ratings.

    Attributes:
        origin: the column, for messages.
        decimal: the sign between whole and broken part in texts, "." or ",".
    """

    origin: Origin
    decimal: str = "."

    def read(self, array: pa.Array, *, first_row: int) -> npt.NDArray[np.float64]:
        """Texts or numbers (rows,) as float64, with NaN for absent ones; `first_row` is the row of the first, for messages.

        Raises:
            DataError: a text that is no number, or a column of another type.
        """
        type_ = array.type
        if pa.types.is_large_string(type_):
            pointed = array if self.decimal == "." else _with_points(array)
            try:
                numbers = pointed.cast(pa.float64())
            except pa.ArrowInvalid:  # spaces around a number, an absent one, or a text that is none
                numbers = self._parsed(array, pointed, first_row)
        elif any(test(type_) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)):
            numbers = array.cast(pa.float64(), safe=False)
        else:
            fix = "Name another column: rating='…' (--rating)."
            raise self.origin.error(first_row, f"ratings are numbers, but this column holds {type_}", fix=fix)
        return np.asarray(numbers.fill_null(float("nan")) if numbers.null_count else numbers)

    def _parsed(self, texts: pa.Array, pointed: pa.Array, first_row: int) -> pa.Array:
        trimmed = pc.utf8_trim_whitespace(pointed)
        present = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
        with suppress(pa.ArrowInvalid):
            return present.cast(pa.float64())
        row = first_refused(present, lambda part: part.cast(pa.float64()))
        text, fix = texts[row].as_py(), "Correct it, or name another column: rating='…' (--rating)."
        if self.decimal == "." and pc.match_substring_regex(texts[row], DECIMAL_COMMA).as_py():
            fix = "If a comma is the decimal sign here, say so: decimal=',' (--decimal ,)."
        raise self.origin.error(first_row + row, f"the rating {shown(text)} is not a number", fix=fix)


def _with_points(texts: pa.Array) -> pa.Array:
    """The texts with points for commas; those that hold points, as in 1.000,5, become no numbers."""
    return pc.replace_substring(pc.replace_substring(texts, ".", "?"), ",", ".")
