"""Ratings in a temporary file in the order of their source, before anything is known of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.rating_columns import RatingColumns
from refeed.data.store.compact_types import ITEM_TYPES, LABEL_TYPES, TIME_TYPES, VALUE_TYPES, smallest

USERS, ITEMS, VALUES, TIMES = "users", "items", "values", "timestamps"
SKIPPED = -1  # in place of the user of a row without a rating


def label_name(number: int) -> str:
    """The name here of the label column `number`."""
    return f"label-{number}"


class Spool:
    """All rows of a source as columns of numbers in a file, each block of a column in the smallest type that holds it exactly.

    Attributes:
        types: the smallest type that holds all of a column, in NumPy's notation, by name: users, items, values, timestamps
            (where there are times), label-0, label-1, …
        user_counts: ratings by the number of the user, int64.
        item_counts: ratings by the number of the item, int64.
        minimum: the smallest rating.
        maximum: the largest rating.

    Args:
        path: of the file to write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks: list[tuple[dict[str, str], int]] = []  # types of the columns, and number of rows
        self.types: dict[str, str] = {}
        self.user_counts = np.zeros(0, np.int64)
        self.item_counts = np.zeros(0, np.int64)
        self.minimum, self.maximum = np.inf, -np.inf

    def __len__(self) -> int:
        return int(self.user_counts.sum())

    def append(self, block: RatingColumns, kept: npt.NDArray[np.bool_] | None) -> None:
        """Add the next rows, of which only those where `kept`, bool (rows,), is true have ratings (None: all have)."""
        users, items = np.asarray(block.users.indices), np.asarray(block.items.indices)
        values = block.values.astype(np.float32)
        self._count(*((users, items, values) if kept is None else (users[kept], items[kept], values[kept])), block)
        if kept is not None:
            users, values = np.where(kept, users, np.int32(SKIPPED)), np.where(kept, values, np.float32(0))
        fields: list[tuple[str, npt.NDArray[Any], tuple[str, ...]]] = [
            (USERS, users, ("<i4",)),
            (ITEMS, items, ITEM_TYPES),
            (VALUES, values, VALUE_TYPES),
        ]
        if block.timestamps is not None:
            fields.append((TIMES, block.timestamps, TIME_TYPES))
        fields += [(label_name(number), label.codes, LABEL_TYPES) for number, label in enumerate(block.labels.values())]
        columns = {name: smallest(column, types) for name, column, types in fields}
        for name, _, types in fields:
            self.types[name] = max(self.types.get(name, types[0]), columns[name].dtype.str, key=types.index)
        with self._path.open("ab") as file:
            for column in columns.values():
                file.write(column.data)
        self._blocks.append(({name: column.dtype.str for name, column in columns.items()}, len(users)))

    def _count(
        self,
        users: npt.NDArray[np.int32],
        items: npt.NDArray[np.int32],
        values: npt.NDArray[np.float32],
        block: RatingColumns,
    ) -> None:
        self.user_counts = _added(self.user_counts, users, size=len(block.users.dictionary))
        self.item_counts = _added(self.item_counts, items, size=len(block.items.dictionary))
        self.minimum = min(self.minimum, values.min(initial=np.inf))
        self.maximum = max(self.maximum, values.max(initial=-np.inf))

    def __iter__(self) -> Iterator[dict[str, npt.NDArray[Any]]]:
        """The columns of all rows, some rows at a time."""
        with self._path.open("rb") as file:
            for types, count in self._blocks:
                yield {name: np.fromfile(file, dtype, count) for name, dtype in types.items()}


def _added(counts: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32], *, size: int) -> npt.NDArray[np.int64]:
    """The counts with those of `numbers`, for `size` numbers."""
    more = np.bincount(numbers, minlength=size)
    more[: len(counts)] += counts
    return more
