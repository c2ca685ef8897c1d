"""Collecting the column of ratings, batch by batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.readers.places import Place, first_refused, shown
from refeed.data.readers.texts import is_text, plain


class RatingCollector:
    """Gathers ratings into float64; an absent rating becomes NaN, to be judged with the other ones.

    Args:
        place: the column.
    """

    def __init__(self, *, place: Place) -> None:
        self._place = place
        self._chunks: list[npt.NDArray[np.float64]] = []
        self._rows = 0

    def add(self, array: pa.Array) -> None:
        """Take one batch of ratings, as texts or numbers.

        Raises:
            DataError: a text that is no number, or a column of another type.
        """
        self._chunks.append(as_ratings(array, place=self._place, first_row=self._rows))
        self._rows += len(array)

    def finish(self) -> npt.NDArray[np.float64]:
        """All ratings, float64 (nnz,)."""
        return np.concatenate([np.empty(0), *self._chunks])


def as_ratings(array: pa.Array, *, place: Place, first_row: int) -> npt.NDArray[np.float64]:
    """Texts or numbers (rows,) as float64, with NaN for absent ones; `first_row` is the row of the first, for messages.

    Raises:
        DataError: a text that is no number, or a column of another type.
    """
    array = plain(array)
    type_ = array.type
    if is_text(type_):
        numbers = _parsed(array, place, first_row)
    elif any(test(type_) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)):
        numbers = array.cast(pa.float64(), safe=False)
    else:
        fix = "Name another column: rating='…' (--rating)."
        raise place.error(first_row, f"ratings are numbers, but this column holds {type_}", fix=fix)
    return np.asarray(numbers.fill_null(float("nan")), np.float64)


def _parsed(texts: pa.Array, place: Place, first_row: int) -> pa.Array:
    try:
        return _to_float(texts)
    except pa.ArrowInvalid:
        pass  # spaces around a number, an absent one, or a text that is none
    trimmed = pc.utf8_trim_whitespace(texts)
    present = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
    try:
        return _to_float(present)
    except pa.ArrowInvalid:
        row = first_refused(present, _to_float)
        problem = f"the rating {shown(texts[row].as_py())} is not a number"
        fix = "Correct it, or name another column: rating='…' (--rating)."
        raise place.error(first_row + row, problem, fix=fix) from None


def _to_float(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.float64())
