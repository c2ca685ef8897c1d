"""Columns of labels, such as a split that the file already holds, in one byte each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.readers.columns.places import Place
from refeed.readers.columns.texts import plain

MOST_LABELS = 255


class LabelNumbers:
    """Gives each label a number, from 0 in the order of appearance.

    Args:
        place: where the column stands.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._numbers: dict[str, int] = {}

    def read(self, array: pa.Array, *, first_row: int) -> npt.NDArray[np.uint8]:
        """The numbers of a batch of labels, uint8 (rows,); values that are no texts (true, 3) become texts.

        Raises:
            DataError: a label is missing, or there are more than 255 distinct ones.
        """
        texts = plain(array).cast(pa.large_string())
        if texts.null_count:
            row = first_row + int(np.argmax(np.asarray(texts.is_null())))
            raise self._place.error(row, "the label is missing", fix="Fill it in, or leave the column out of `labels`.")
        encoded = texts.dictionary_encode()
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in encoded.dictionary.to_pylist()]
        if len(self._numbers) > MOST_LABELS:
            raise self._place.error(
                first_row,
                f"more than {MOST_LABELS} distinct labels; expected a few, such as train, valid and test",
                fix="Name a column of labels.",
            )
        read: npt.NDArray[np.uint8] = np.array(numbers, np.uint8)[np.asarray(encoded.indices)]
        return read

    def sorted(self) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
        """The labels in order, so that the order of the rows does not matter, and the position there of each number."""
        names = tuple(sorted(self._numbers))
        positions = np.empty(len(names), np.uint8)
        positions[[self._numbers[name] for name in names]] = np.arange(len(names), dtype=np.uint8)
        return names, positions
