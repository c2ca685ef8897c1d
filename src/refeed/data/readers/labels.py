"""Collecting a column of labels (for example a split that the file already holds), batch by batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.ratings import LabelColumn
from refeed.data.readers.places import Place
from refeed.data.readers.texts import plain

MOST_LABELS = 255


class LabelCollector:
    """Gathers labels into one byte each.

    Args:
        place: the column.
    """

    def __init__(self, *, place: Place) -> None:
        self._place = place
        self._codes: dict[str, int] = {}
        self._chunks: list[npt.NDArray[np.uint8]] = []
        self._rows = 0

    def add(self, array: pa.Array) -> None:
        """Take one batch of labels; values that are no texts (true, 3) become texts.

        Raises:
            DataError: a label is missing, or there are more than 255 distinct ones.
        """
        texts = plain(array).cast(pa.large_string())
        if texts.null_count:
            row = self._rows + int(np.argmax(np.asarray(texts.is_null())))
            raise self._place.error(row, "the label is missing", fix="Fill it in, or leave the column out of `labels`.")
        encoded = texts.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        codes = [self._codes.setdefault(name, len(self._codes)) for name in names]
        if len(self._codes) > MOST_LABELS:
            raise self._place.error(
                self._rows,
                f"more than {MOST_LABELS} distinct labels; expected a few, such as train, valid and test",
                fix="Name a column of labels.",
            )
        self._chunks.append(np.array(codes, np.uint8)[np.asarray(encoded.indices)])
        self._rows += len(array)

    def finish(self) -> LabelColumn:
        """All labels; their names are sorted, so the order of the rows does not matter."""
        names = sorted(self._codes)
        position = np.zeros(max(1, len(names)), np.uint8)
        for place, name in enumerate(names):
            position[self._codes[name]] = place
        codes = np.concatenate([np.empty(0, np.uint8), *self._chunks])
        return LabelColumn(position[codes], tuple(names))
