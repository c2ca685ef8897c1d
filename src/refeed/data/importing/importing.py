"""`import_ratings`: a stream of ratings to a store, in memory that does not grow with the number of ratings."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.importing.buckets import Buckets
from refeed.data.importing.spool import ITEMS, SKIPPED, TIMES, USERS, VALUES, Spool, label_name
from refeed.data.rating_columns import (
    ColumnStream,
    Meter,
    MissingPolicy,
    RatingColumns,
    ValueCheck,
    repeated_error,
    sorted_labels,
)
from refeed.data.ratings import DuplicatePolicy, LabelColumn, Ratings, duplicates_note, seen_scale
from refeed.data.row_blocks import pointers
from refeed.data.store.compact_types import TIME_TYPES, VALUE_TYPES, item_type
from refeed.data.store.store import HEADER, ArrayFile, compact_array, complete_store, open_store, write_array
from refeed.data.vocabulary import Vocabulary
from refeed.errors import StorageError
from refeed.storage import atomic_folder

BUCKET_SIZE = 1 << 20  # ratings

Watch = Callable[[str, Meter], None]
"""Called with what is being done ("reading", "distributing", "sorting", "writing"), and how far that is."""


def import_ratings(
    stream: ColumnStream,
    path: str | Path,
    *,
    duplicates: DuplicatePolicy = "error",
    missing: MissingPolicy = "error",
    overwrite: bool = False,
    watch: Watch | None = None,
    bucket_size: int = BUCKET_SIZE,
) -> Ratings:
    """Write a store of the ratings of a source: file for file the one that `write_store(read_ratings(…))` writes.

    The ratings go through temporary files in the store's own folder: first in the order of the source, then in buckets of some
    users each, which are sorted one by one. Memory holds the ids, and a few million ratings at a time.

    Args:
        stream: the source, from `refeed.readers.open_ratings`; it is read once.
        path: the folder of the store.
        duplicates: what to do when a user rated an item more than once (see `Ratings.from_columns`).
        missing: whether to refuse rows without a rating or to skip them.
        overwrite: replace a store that is there already (and nothing else).
        watch: called as the work goes on; by default nothing is.
        bucket_size: ratings that are sorted at a time.

    Returns:
        the store, opened.

    Raises:
        DataError: as `read_ratings`.
        StorageError: something is at `path` already, or it cannot be written, for example because the disk is full.
    """
    with atomic_folder(path, overwrite=overwrite, marker=HEADER) as folder:
        _Import(folder, stream, duplicates, missing, watch or _no_watch, bucket_size).run()
    return open_store(path)


def _no_watch(stage: str, meter: Meter) -> None:
    """Do nothing."""


class _Import:
    """One import into an empty folder."""

    def __init__(
        self,
        folder: Path,
        stream: ColumnStream,
        duplicates: DuplicatePolicy,
        missing: MissingPolicy,
        watch: Watch,
        bucket_size: int,
    ) -> None:
        self._folder, self._work, self._stream, self._watch = folder, folder / "work", stream, watch
        self._duplicates, self._missing, self._bucket_size = duplicates, missing, bucket_size

    def run(self) -> None:
        """Fill the folder."""
        self._work.mkdir()
        spool, source, notes = self._read()
        users, user_positions = Vocabulary.sorted(source.users.dictionary, occurs=spool.user_counts > 0, kind="user")
        items, item_positions = Vocabulary.sorted(source.items.dictionary, occurs=spool.item_counts > 0, kind="item")
        labels = {name: sorted_labels(label.names) for name, label in source.labels.items()}
        positions: dict[str, npt.NDArray[Any]] = {USERS: user_positions, ITEMS: item_positions}
        positions |= {label_name(number): codes for number, (_, codes) in enumerate(labels.values())}
        buckets = self._distribute(spool, positions, num_items=len(items))
        num_repeats, pairs = self._sort(buckets, spool, num_items=len(items))
        if num_repeats and self._duplicates == "error":
            user, item, rows = self._first_repeat(spool, positions, pairs)
            user_id, item_id = users.decode([user])[0], items.decode([item])[0]
            raise repeated_error(source.origin, user_id, item_id, first=rows[0], again=rows[1], count=num_repeats)
        shutil.rmtree(self._work)
        self._watch("writing", Meter(1, "parts"))
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in self._folder.glob("*.npy")}
        ratings = Ratings(
            users=users,
            items=items,
            scale=source.scale or seen_scale(spool.minimum, spool.maximum),
            notes=(*notes, *((duplicates_note(num_repeats, self._duplicates),) if num_repeats else ())),
            labels={name: LabelColumn(arrays.pop(label_name(n)), names) for n, (name, (names, _)) in enumerate(labels.items())},
            **arrays,
        )
        complete_store(self._folder, ratings)

    def _read(self) -> tuple[Spool, RatingColumns, tuple[str, ...]]:
        """The ratings in a temporary file, the last block of the stream, with all ids and labels, and the notes."""
        spool, check = Spool(self._work / "spool"), None
        for block in self._stream.blocks():
            check = check or ValueCheck(block.scale, self._missing)
            spool.append(block, check.add(block.values))
            self._watch("reading", self._stream.meter)
        assert check is not None  # a stream has a block
        return spool, block, (*block.notes, *check.finish(block.origin))

    def _distribute(self, spool: Spool, positions: dict[str, npt.NDArray[Any]], *, num_items: int) -> Buckets:
        """The ratings in buckets, with positions in place of numbers."""
        types = spool.types | {ITEMS: item_type(num_items)}
        self._require_space(len(spool) * sum(np.dtype(dtype).itemsize for dtype in types.values()))
        folder = self._work / "buckets"
        folder.mkdir()
        counts = np.empty(np.count_nonzero(spool.user_counts), np.int64)
        counts[positions[USERS][spool.user_counts > 0]] = spool.user_counts[spool.user_counts > 0]
        buckets, meter = Buckets(folder, counts, types, size=self._bucket_size), Meter(len(spool), "ratings")
        for columns in spool:
            kept = columns[USERS] != SKIPPED
            rated = columns if kept.all() else {name: column[kept] for name, column in columns.items()}
            buckets.append({name: positions[name][rated[name]] if name in positions else rated[name] for name in types})
            meter.done += len(rated[USERS])
            self._watch("distributing", meter)
        return buckets

    def _require_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._work).free
        if free < needed:
            raise StorageError(
                f"{self._folder.parent}: {free / 1e6:,.0f} MB are free on this disk, and the import takes "
                f"{needed / 1e6:,.0f} MB more for a while; free some, or choose a path on another disk"
            )

    def _sort(self, buckets: Buckets, spool: Spool, *, num_items: int) -> tuple[int, list[tuple[int, int]]]:
        """Write the arrays of the store; the number of repeats, and of each bucket the pair that is repeated first."""
        counts, pairs, num_repeats, meter = [], [], 0, Meter(len(spool), "ratings")
        types = {name: dtype for name, dtype in spool.types.items() if name != USERS} | {ITEMS: item_type(num_items)}
        if self._duplicates == "mean":
            types[VALUES] = VALUE_TYPES[-1]
        paths = {name: self._folder / f"{'indices' if name == ITEMS else name}.npy" for name in types}
        with ExitStack() as opened:
            files = {name: opened.enter_context(ArrayFile(path, types[name])) for name, path in paths.items()}
            for bucket in buckets.sort(mean=self._duplicates == "mean"):
                counts.append(bucket.counts)
                num_repeats += bucket.num_repeats
                pairs += [] if bucket.repeated_pair is None else [bucket.repeated_pair]
                for name, file in files.items():
                    file.append(bucket.columns[name])
                meter.done += int(bucket.counts.sum()) + bucket.num_repeats
                self._watch("sorting", meter)
        indptr = pointers(np.concatenate(counts))
        write_array(self._folder / "indptr.npy", indptr, dtype="<i8")
        if num_repeats or self._duplicates == "mean":  # the values and times that are left may fit into smaller types
            for name, smaller in ((VALUES, VALUE_TYPES), (TIMES, TIME_TYPES)):
                if name in paths:
                    compact_array(paths[name], smaller)
        return num_repeats, pairs

    def _first_repeat(
        self, spool: Spool, positions: dict[str, npt.NDArray[Any]], pairs: list[tuple[int, int]]
    ) -> tuple[int, int, list[int]]:
        """Of some repeated pairs the one whose second rating comes first in the source, with the rows of its ratings."""
        num_items, start = len(spool.item_counts), 0
        keys = [user * num_items + item for user, item in pairs]
        rows: dict[int, list[int]] = defaultdict(list)
        for columns in spool:
            rated = np.flatnonzero(columns[USERS] != SKIPPED)
            users, items = (positions[name][columns[name][rated]].astype(np.int64) for name in (USERS, ITEMS))
            found = np.isin(users * num_items + items, keys)
            for user, item, row in zip(users[found], items[found], rated[found] + start, strict=True):
                rows[int(user) * num_items + int(item)].append(int(row))
            start += len(columns[USERS])
        first = min(rows, key=lambda key: rows[key][1])
        return *divmod(first, num_items), rows[first]
