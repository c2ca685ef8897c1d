"""Sorting ratings by user and item that do not fit into memory: through files of buckets, each of some users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.background import mapped
from refeed.data.importing.spool import ITEMS, TIMES, USERS, VALUES
from refeed.data.pair_order import first_repeat, merge_repeats, pair_order
from refeed.data.row_blocks import pointers, row_blocks


@dataclass(frozen=True, eq=False)
class SortedBucket:
    """The ratings of consecutive users by user and item, one for each pair.

    Attributes:
        counts: ratings of each of the users, int64 (users,).
        columns: the other columns by name: items, values, timestamps, label-0, …
        num_repeats: ratings that were merged into others.
        repeated_pair: user and item of the first rating, in the order of the source, that repeats them; None without any.
    """

    counts: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]
    num_repeats: int
    repeated_pair: tuple[int, int] | None


class Buckets:
    """Ratings in temporary files, each of about as many ratings of consecutive users.

    Args:
        folder: an existing folder for the files.
        counts: number of ratings of each user, at least 1, int64 (users,).
        types: of the columns by name, in NumPy's notation.
        size: ratings of a bucket, of one user at least.
    """

    def __init__(self, folder: Path, counts: npt.NDArray[np.int64], types: Mapping[str, str], *, size: int) -> None:
        self._users = [block.rows for block in row_blocks(pointers(counts), size=size)]
        self._paths = [folder / str(number) for number in range(len(self._users))]
        self._bucket_of_user = np.repeat(
            np.arange(len(self._users), dtype=np.uint16), [users.stop - users.start for users in self._users]
        )
        self._types, self._sizes = types, [list[int]() for _ in self._paths]  # ratings of each part of a bucket

    def append(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add ratings, each column (ratings,), to the buckets of their users."""
        buckets = self._bucket_of_user[columns[USERS]]
        order, sizes = np.argsort(buckets, kind="stable"), np.bincount(buckets, minlength=len(self._paths))
        ordered = [columns[name].astype(dtype, copy=False)[order] for name, dtype in self._types.items()]
        stops = np.cumsum(sizes)
        for bucket in np.flatnonzero(sizes).tolist():
            part = slice(stops[bucket] - sizes[bucket], stops[bucket])
            with self._paths[bucket].open("ab") as file:
                for column in ordered:
                    file.write(column[part].data)
            self._sizes[bucket].append(int(sizes[bucket]))

    def sort(self, *, mean: bool) -> Iterator[SortedBucket]:
        """Sort the buckets, in the order of their users, and delete their files; of a repeated pair the latest rating is kept.

        Args:
            mean: whether its value becomes the mean of the pair's.
        """
        return mapped(lambda bucket: self._sorted(bucket, mean=mean), range(len(self._paths)))

    def _sorted(self, bucket: int, *, mean: bool) -> SortedBucket:
        columns, first_user = self._read(bucket), self._users[bucket].start
        rows, items = columns.pop(USERS) - first_user, columns[ITEMS]
        order, repeats = pair_order(rows, items)
        pair = None
        if repeats.any():
            _, again = first_repeat(order, repeats)
            pair = first_user + int(rows[again]), int(items[again])
        values = columns.pop(VALUES).astype(np.float32)
        kept, merged = merge_repeats(order, repeats, values, columns.get(TIMES), mean=mean)
        return SortedBucket(
            counts=np.bincount(rows[kept], minlength=self._users[bucket].stop - first_user),
            columns={VALUES: merged, **{name: column[kept] for name, column in columns.items()}},
            num_repeats=len(order) - len(kept),
            repeated_pair=pair,
        )

    def _read(self, bucket: int) -> dict[str, npt.NDArray[Any]]:
        """The columns of a bucket, whose file is deleted."""
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in self._types}
        with self._paths[bucket].open("rb") as file:
            for size in self._sizes[bucket]:
                for name, dtype in self._types.items():
                    parts[name].append(np.fromfile(file, dtype, size))
        self._paths[bucket].unlink()
        return {name: np.concatenate(columns) for name, columns in parts.items()}
