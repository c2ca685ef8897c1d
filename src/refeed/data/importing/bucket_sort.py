"""Sorting ratings by user and item that do not fit into memory: through files of buckets, each of some users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.background import mapped
from refeed.data.importing.block_files import SlottedFile
from refeed.data.importing.rating_spool import RatingSpool
from refeed.data.pair_order import first_repeat, latest_last, merge_repeats, pair_order
from refeed.data.row_blocks import RowBlock, pointers, row_blocks
from refeed.data.store.compact_types import item_type

BUCKET_SIZE = 1 << 20  # ratings


@dataclass(frozen=True)
class Repeat:
    """The first rating of a bucket that repeats a user and item, first in the order of the source.

    Attributes:
        bucket: the bucket.
        first: index in the bucket of the pair's first rating.
        again: index in the bucket of its second one.
        user: index of the user.
        item: index of the item.
    """

    bucket: int
    first: int
    again: int
    user: int
    item: int


@dataclass(frozen=True, eq=False)
class SortedBucket:
    """The ratings of consecutive users by user and item, one for each pair.

    Attributes:
        counts: ratings of each of the users, int64 (users,).
        columns: the other columns by name: items, values, timestamps, label-0, …
        num_repeats: ratings that were merged into others.
        repeat: the first of them, or None.
    """

    counts: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]
    num_repeats: int
    repeat: Repeat | None


class BucketSort:
    """Sorts a spool of ratings.

    Attributes:
        types: of each sorted column (items, values, timestamps, label-0, …), the smallest first.
        bytes_per_rating: what the temporary files take.

    Args:
        spool: the ratings, their users and items as numbers.
        folder: an existing folder for temporary files.
        indices: by column (users, items, label-0, …) the final index of each number; -1 for what has no ratings.
        bucket_size: ratings of a bucket, or those of a single user where that has more.
    """

    def __init__(
        self, spool: RatingSpool, folder: Path, indices: Mapping[str, npt.NDArray[Any]], *, bucket_size: int = BUCKET_SIZE
    ) -> None:
        self._spool, self._indices = spool, indices
        user_indices, num_items = indices["users"], int(np.count_nonzero(indices["items"] >= 0))
        occurring = user_indices >= 0
        counts = np.empty(int(np.count_nonzero(occurring)), np.int64)
        counts[user_indices[occurring]] = spool.user_counts[occurring]
        self._buckets = list(row_blocks(pointers(counts), size=bucket_size))
        sizes = [len(bucket.counts) for bucket in self._buckets]
        self._bucket_of_user = np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)
        borders = np.array([0, *(bucket.entries.stop for bucket in self._buckets)])
        dtypes = spool.dtypes | {"items": item_type(num_items)}
        self._files = {name: SlottedFile(folder / name, dtype, borders) for name, dtype in dtypes.items()}
        self.types = {name: types for name, types in spool.types.items() if name != "users"} | {"items": (dtypes["items"],)}
        self.bytes_per_rating = sum(np.dtype(dtype).itemsize for dtype in dtypes.values())

    def distribute(self) -> Iterator[int]:
        """Send every rating to its bucket; yields how many were sent each time."""
        for block in self._spool.blocks():
            rows, order, sizes = self._bucketed(block["users"])
            for name, file in self._files.items():
                column = rows if name == "users" else block[name]
                if name in self._indices and name != "users":
                    column = self._indices[name][column]
                file.append(column[order], sizes)
            yield len(rows)

    def buckets(self, *, mean: bool) -> Iterator[SortedBucket]:
        """The buckets in the order of their users; of a repeated pair the latest rating is kept.

        Args:
            mean: whether its value becomes the mean of the pair's.
        """
        return mapped(lambda number: self._sorted(number, self._buckets[number], mean=mean), range(len(self._buckets)))

    def earliest(self, repeats: Sequence[Repeat]) -> tuple[Repeat, int, int]:
        """Which of the repeats, one a bucket, comes first, and the rows of the spool (from 0) of its two ratings."""
        buckets = np.array([repeat.bucket for repeat in repeats])
        pairs = np.array([[repeat.first, repeat.again] for repeat in repeats])
        found = np.empty_like(pairs)
        seen, start = np.zeros(len(self._buckets), np.int64), 0
        for users in self._spool.user_blocks():
            _, order, sizes = self._bucketed(users)
            ahead = pairs - seen[buckets, None]  # counted from the first of the bucket's ratings in this block
            here = (ahead >= 0) & (ahead < sizes[buckets, None])
            begins = (np.cumsum(sizes) - sizes)[buckets, None]
            found[here] = start + order[(begins + ahead)[here]]
            seen += sizes
            start += len(users)
        earliest = int(np.argmin(found[:, 1]))
        first, again = found[earliest].tolist()
        return repeats[earliest], first, again

    def _bucketed(
        self, users: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows of the users of some ratings, the order of these ratings by bucket, and how many go to each bucket."""
        rows = self._indices["users"][users]
        buckets = self._bucket_of_user[rows]
        return rows, np.argsort(buckets, kind="stable"), np.bincount(buckets, minlength=len(self._buckets))

    def _sorted(self, number: int, bucket: RowBlock, *, mean: bool) -> SortedBucket:
        columns = {name: file.read(number) for name, file in self._files.items()}
        rows, items, values = columns.pop("users") - bucket.rows.start, columns["items"], columns.pop("values")
        order, repeats = pair_order(rows, items)
        num_repeats = int(np.count_nonzero(repeats))
        repeat = None
        if num_repeats:
            repeat = _first_repeat(number, bucket, rows, items, order, repeats)
            if "timestamps" in columns:
                latest_last(order, repeats, columns["timestamps"])
        kept, merged = merge_repeats(order, repeats, values.astype(np.float32), mean=mean)
        return SortedBucket(
            counts=np.bincount(rows[kept], minlength=len(bucket.counts)),
            columns={"values": merged, **{name: column[kept] for name, column in columns.items()}},
            num_repeats=num_repeats,
            repeat=repeat,
        )


def _first_repeat(
    number: int,
    bucket: RowBlock,
    rows: npt.NDArray[np.int32],
    items: npt.NDArray[Any],
    order: npt.NDArray[np.int64],
    repeats: npt.NDArray[np.bool_],
) -> Repeat:
    first, again = first_repeat(order, repeats)
    return Repeat(number, first, again, bucket.rows.start + int(rows[again]), int(items[again]))
