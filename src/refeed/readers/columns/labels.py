"""Columns of labels, such as a split that the file already holds, in one byte each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.rating_columns import Origin

MAX_LABELS = 255


@dataclass
class LabelNumbers:
    """Reads a column of labels, and numbers them from 0 in the order of appearance.

    Attributes:
        origin: the column, for messages.
        numbers: the number of each label.
    """

    origin: Origin
    numbers: dict[str, int] = field(default_factory=dict)

    def read(self, array: pa.Array, *, first_row: int) -> npt.NDArray[np.uint8]:
        """The numbers of a batch of labels, uint8 (rows,); values that are no texts (true, 3) become texts.

        Raises:
            DataError: a label is missing, or there are more than 255 distinct ones.
        """
        texts = array.cast(pa.large_string())
        if texts.null_count:
            row = first_row + int(np.argmax(np.asarray(texts.is_null())))
            raise self.origin.error(row, "the label is missing", fix="Fill it in, or leave the column out of `labels`.")
        encoded = texts.dictionary_encode()
        numbers = [self.numbers.setdefault(name, len(self.numbers)) for name in encoded.dictionary.to_pylist()]
        if len(self.numbers) > MAX_LABELS:
            raise self.origin.error(
                first_row,
                f"more than {MAX_LABELS} distinct labels; expected a few, such as train, valid and test",
                fix="Name a column of labels.",
            )
        read: npt.NDArray[np.uint8] = np.array(numbers, np.uint8)[np.asarray(encoded.indices)]
        return read
