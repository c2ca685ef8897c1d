"""Ratings in temporary files in the order of their source, before anything is known of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.importing.block_files import BlockFile
from refeed.data.rating_columns import RatingColumns
from refeed.data.store.compact_types import ITEM_TYPES, LABEL_TYPES, TIME_TYPES, VALUE_TYPES


class RatingSpool:
    """Columns of numbers by name: users, items, values, timestamps (where there are times), label-0, label-1, …

    Attributes:
        types: of each column, the smallest first.
        user_counts: kept ratings by the number of the user, int64.
        item_counts: kept ratings by the number of the item, int64.
        minimum: smallest rating.
        maximum: largest rating.

    Args:
        folder: an existing folder for the files.
        has_times: whether there are times.
        num_labels: number of label columns.
    """

    def __init__(self, folder: Path, *, has_times: bool, num_labels: int) -> None:
        types: dict[str, tuple[str, ...]] = {"users": ("<i4",), "items": ITEM_TYPES, "values": VALUE_TYPES}
        if has_times:
            types["timestamps"] = TIME_TYPES
        types |= {f"label-{number}": LABEL_TYPES for number in range(num_labels)}
        self.types = types
        self._columns = {name: BlockFile(folder / name, kinds) for name, kinds in types.items()}
        self._skipped = BlockFile(folder / "skipped", ("<i8",))  # rows of the source that are not here
        self._source_rows = 0
        self.user_counts = np.zeros(0, np.int64)
        self.item_counts = np.zeros(0, np.int64)
        self.minimum, self.maximum = np.inf, -np.inf

    def __len__(self) -> int:
        return int(self.user_counts.sum())

    @property
    def dtypes(self) -> dict[str, str]:
        """The smallest type that holds each column."""
        return {name: column.dtype for name, column in self._columns.items()}

    def append(self, rows: RatingColumns, kept: npt.NDArray[np.bool_] | None) -> None:
        """Add the next ratings of a stream, or those where `kept`, bool (rows,), is true."""
        if kept is not None:
            self._skipped.append(self._source_rows + np.flatnonzero(~kept))
        self._source_rows += len(rows)
        columns: list[npt.NDArray[Any]] = [np.asarray(rows.users.indices), np.asarray(rows.items.indices)]
        with np.errstate(over="ignore"):  # what is too large will be refused
            columns += [rows.values.astype(np.float32)]
        columns += [] if rows.timestamps is None else [rows.timestamps]
        columns += [label.codes for label in rows.labels.values()]
        chosen = columns if kept is None else [column[kept] for column in columns]
        for file, column in zip(self._columns.values(), chosen, strict=True):
            file.append(column)
        users, items, values = chosen[:3]
        self.user_counts = _added(self.user_counts, users, size=len(rows.users.dictionary))
        self.item_counts = _added(self.item_counts, items, size=len(rows.items.dictionary))
        self.minimum = min(self.minimum, values.min(initial=np.inf))
        self.maximum = max(self.maximum, values.max(initial=-np.inf))

    def blocks(self) -> Iterator[Mapping[str, npt.NDArray[Any]]]:
        """The columns, some rows at a time."""
        for columns in zip(*self._columns.values(), strict=True):
            yield dict(zip(self._columns, columns, strict=True))

    def user_blocks(self) -> Iterator[npt.NDArray[np.int32]]:
        """The column of users alone, some rows at a time."""
        return iter(self._columns["users"])

    def source_row(self, row: int) -> int:
        """The row of the source (from 0) that became row `row` here."""
        moved, before = row, 0
        for skipped in self._skipped:
            kept_before = skipped - np.arange(before, before + len(skipped))  # rows kept before each skipped one
            moved += int(np.searchsorted(kept_before, row, side="right"))
            before += len(skipped)
        return moved

    def keep_only_users(self) -> None:
        """Delete all files but those of the users and the skipped rows."""
        for name, column in self._columns.items():
            if name != "users":
                column.remove()


def _added(counts: npt.NDArray[np.int64], numbers: npt.NDArray[np.int32], *, size: int) -> npt.NDArray[np.int64]:
    """The counts with those of `numbers`, for at least `size` numbers: those of skipped rows may not occur here."""
    more = np.bincount(numbers, minlength=max(size, len(counts)))
    more[: len(counts)] += counts
    return more
