"""Columns of ratings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.readers.columns.places import Place, first_refused, shown
from refeed.readers.columns.texts import is_text, plain

DECIMAL_COMMA = r"^\s*[+-]?\d+,\d+\s*$"


@dataclass(frozen=True)
class RatingColumn:
    """A column of ratings.

    Attributes:
        place: where the column stands.
        decimal: the sign between whole and broken part in texts, "." or ",".
    """

    place: Place
    decimal: str = "."

    def read(self, array: pa.Array, *, first_row: int) -> npt.NDArray[np.float64]:
        """Texts or numbers (rows,) as float64, with NaN for absent ones; `first_row` is the row of the first, for messages.

        Raises:
            DataError: a text that is no number, or a column of another type.
        """
        array = plain(array)
        type_ = array.type
        if is_text(type_):
            numbers = self._parsed(array, first_row)
        elif any(test(type_) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)):
            numbers = array.cast(pa.float64(), safe=False)
        else:
            fix = "Name another column: rating='…' (--rating)."
            raise self.place.error(first_row, f"ratings are numbers, but this column holds {type_}", fix=fix)
        return np.asarray(numbers.fill_null(float("nan")) if numbers.null_count else numbers)

    def _parsed(self, texts: pa.Array, first_row: int) -> pa.Array:
        pointed = texts if self.decimal == "." else _with_points(texts)
        try:
            return _to_float(pointed)
        except pa.ArrowInvalid:
            pass  # spaces around a number, an absent one, or a text that is none
        trimmed = pc.utf8_trim_whitespace(pointed)
        present = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
        try:
            return _to_float(present)
        except pa.ArrowInvalid:
            row = first_refused(present, _to_float)
            raise self._no_number(texts[row], first_row + row) from None

    def _no_number(self, text: pa.Scalar, row: int) -> Exception:
        fix = "Correct it, or name another column: rating='…' (--rating)."
        if self.decimal == "." and pc.match_substring_regex(text, DECIMAL_COMMA).as_py():
            fix = "If a comma is the decimal sign here, say so: decimal=',' (--decimal ,)."
        return self.place.error(row, f"the rating {shown(text.as_py())} is not a number", fix=fix)


def _with_points(texts: pa.Array) -> pa.Array:
    """The texts with points for commas; those that hold points, as in 1.000,5, become no numbers."""
    return pc.replace_substring(pc.replace_substring(texts, ".", "?"), ",", ".")


def _to_float(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.float64())
