"""`import_ratings`: a stream of ratings to a store, in memory that does not grow with the number of ratings."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.data.importing.block_files import BlockFile
from refeed.data.importing.bucket_sort import BUCKET_SIZE, BucketSort, Repeat, SortedBucket
from refeed.data.importing.rating_spool import RatingSpool
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
from refeed.data.store.store import HEADER, complete_store, open_store, write_array
from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError, StorageError
from refeed.storage import atomic_folder

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
        _Import(folder, stream, duplicates, missing, watch or _no_watch).run(bucket_size=bucket_size)
    return open_store(path)


def _no_watch(stage: str, meter: Meter) -> None:
    """Do nothing."""


class _SortedColumns:
    """Sorted ratings on their way to the store's arrays.

    Args:
        folder: an existing folder for temporary files.
        types: the types of each column but the users, the smallest first.
    """

    def __init__(self, folder: Path, types: Mapping[str, Sequence[str]]) -> None:
        self._files = {name: BlockFile(folder / name, kinds) for name, kinds in types.items()}
        self._counts: list[npt.NDArray[np.int64]] = []
        self.repeats: list[Repeat] = []  # the first one of each bucket that has any
        self.num_repeats = 0

    def append(self, bucket: SortedBucket) -> None:
        """Take the next bucket."""
        self._counts.append(bucket.counts)
        self.num_repeats += bucket.num_repeats
        self.repeats += [] if bucket.repeat is None else [bucket.repeat]
        for name, column in bucket.columns.items():
            self._files[name].append(column)

    def write(self, folder: Path) -> None:
        """Write the arrays of a store."""
        indptr = pointers(np.concatenate(self._counts))
        write_array(folder / "indptr.npy", [indptr], dtype="<i8", length=len(indptr))
        for name, file in self._files.items():
            array = folder / f"{'indices' if name == 'items' else name}.npy"
            write_array(array, file, dtype=file.dtype, length=int(indptr[-1]))
            file.remove()


class _Import:
    """One import into an empty folder."""

    def __init__(
        self, folder: Path, stream: ColumnStream, duplicates: DuplicatePolicy, missing: MissingPolicy, watch: Watch
    ) -> None:
        self._folder, self._work = folder, folder / "work"
        self._stream, self._duplicates, self._missing, self._watch = stream, duplicates, missing, watch

    def run(self, *, bucket_size: int) -> None:
        """Fill the folder."""
        for name in ("spool", "buckets", "sorted"):
            (self._work / name).mkdir(parents=True)
        spool, source, notes = self._read()
        users, user_indices = Vocabulary.sorted(source.users.dictionary, occurs=spool.user_counts > 0, kind="user")
        items, item_indices = Vocabulary.sorted(source.items.dictionary, occurs=spool.item_counts > 0, kind="item")
        labels = {name: sorted_labels(label.names) for name, label in source.labels.items()}
        indices: dict[str, npt.NDArray[Any]] = {"users": user_indices, "items": item_indices}
        indices |= {f"label-{number}": codes for number, (_, codes) in enumerate(labels.values())}
        sort = BucketSort(spool, self._work / "buckets", indices, bucket_size=bucket_size)
        self._require_space(len(spool) * sort.bytes_per_rating)
        columns = self._sort(sort, spool)
        if columns.repeats and self._duplicates == "error":
            raise self._repeated(columns, sort, spool, source, users, items)
        shutil.rmtree(self._work / "buckets")
        self._watch("writing", Meter(2, "parts"))
        columns.write(self._folder)
        shutil.rmtree(self._work)
        merged = (duplicates_note(columns.num_repeats, self._duplicates),) if columns.num_repeats else ()
        arrays = {path.stem: np.load(path, mmap_mode="r") for path in self._folder.glob("*.npy")}
        ratings = Ratings(
            users=users,
            items=items,
            scale=source.scale or seen_scale(spool.minimum, spool.maximum),
            notes=(*notes, *merged),
            labels={name: LabelColumn(arrays.pop(f"label-{n}"), names) for n, (name, (names, _)) in enumerate(labels.items())},
            **arrays,
        )
        self._watch("writing", Meter(2, "parts", done=1))
        complete_store(self._folder, ratings)

    def _read(self) -> tuple[RatingSpool, RatingColumns, tuple[str, ...]]:
        """The ratings in temporary files, the last block of the stream, with all ids and labels, and the notes."""
        spool = None
        for block in self._stream.blocks():
            if spool is None:
                check = ValueCheck(block.scale, self._missing)
                spool = RatingSpool(self._work / "spool", has_times=block.timestamps is not None, num_labels=len(block.labels))
            spool.append(block, check.add(block.values))
            self._watch("reading", self._stream.meter)
        assert spool is not None  # a stream has a block
        return spool, block, (*block.notes, *check.finish(block.origin))

    def _require_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._work).free
        if free < needed:
            raise StorageError(
                f"{self._folder.parent}: {free / 1e6:,.0f} MB are free on this disk, and the import takes "
                f"{needed / 1e6:,.0f} MB more for a while; free some, or choose a path on another disk"
            )

    def _sort(self, sort: BucketSort, spool: RatingSpool) -> _SortedColumns:
        meter = Meter(len(spool), "ratings")
        for sent in sort.distribute():
            meter.done += sent
            self._watch("distributing", meter)
        spool.keep_only_users()
        columns, meter = _SortedColumns(self._work / "sorted", sort.types), Meter(len(spool), "ratings")
        for bucket in sort.buckets(mean=self._duplicates == "mean"):
            columns.append(bucket)
            meter.done += int(bucket.counts.sum()) + bucket.num_repeats
            self._watch("sorting", meter)
        return columns

    def _repeated(
        self,
        columns: _SortedColumns,
        sort: BucketSort,
        spool: RatingSpool,
        source: RatingColumns,
        users: Vocabulary,
        items: Vocabulary,
    ) -> DataError:
        earliest, first, again = sort.earliest(columns.repeats)
        return repeated_error(
            source.origin,
            users.decode([earliest.user])[0],
            items.decode([earliest.item])[0],
            first=spool.source_row(first),
            again=spool.source_row(again),
            count=columns.num_repeats,
        )
