"""`RatingColumns`: ratings in the order of their source, their ids as numbers, and what makes `Ratings` of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.ratings import DUPLICATES_FIX, DuplicatePolicy, LabelColumn, Ratings, RatingScale, RepeatedPairError
from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError

MissingPolicy = Literal["error", "skip"]
Locate = Callable[[int], tuple[Path, int]]  # from a row (from 0) to its file and 1-based line
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Origin:
    """Where rows, or the values of a column, come from: for messages.

    Attributes:
        path: the file or folder, or None for a table in memory.
        column: the column's name, or "2" for the second one where there are no names; None for whole rows.
        locate: gives the file and 1-based line of a row (from 0), or None where there are no lines.
    """

    path: Path | None = None
    column: str | None = None
    locate: Locate | None = None

    def error(self, row: int, problem: str, *, fix: str) -> DataError:
        """The error for row `row` (from 0), naming its file and line where they are known."""
        if self.locate is None:
            return DataError(f"{problem}, in row {row + 1:,}", path=self.path, column=self.column, fix=fix)
        path, line = self.locate(row)
        return DataError(problem, path=path, line=line, column=self.column, fix=fix)

    def describe_row(self, row: int) -> str:
        """Row `row` (from 0) in words: "line 3" where lines are known, else "row 2"."""
        return f"row {row + 1:,}" if self.locate is None else f"line {self.locate(row)[1]:,}"


@dataclass
class Meter:
    """How far a job is.

    Attributes:
        total: all there is to do; 0 where that is not known.
        unit: what is counted, in the plural.
        done: what has been done.
    """

    total: int = 0
    unit: str = "bytes"
    done: int = 0


class ColumnStream(Protocol):
    """A source of ratings that is read once, block by block."""

    @property
    def meter(self) -> Meter:
        """How much has been read."""

    def blocks(self) -> Iterator[RatingColumns]:
        """All rows in order, at least one block.

        Ids and labels are numbered in the order of their appearance in the whole source: the dictionaries and names of a
        block begin with those of the block before it, and the last block's hold for all of them.
        """


@dataclass(frozen=True, eq=False)
class RatingColumns:
    """Ratings in the order of their source; nothing was dropped, merged or clipped.

    Attributes:
        users: ids, Arrow dictionary array (nnz,) of int64 or large_string, its dictionary in the order of appearance.
        items: ids, likewise.
        values: float64 (nnz,), ratings; an absent rating is NaN, and NaN and infinities may occur.
        timestamps: int64 (nnz,), whole seconds since 1970 UTC, or None.
        labels: further columns by name.
        scale: the declared scale, not yet checked, or None.
        notes: what the reader decided (layout, delimiter, header, columns, unit of the times).
        origin: where the rows come from.
    """

    users: pa.DictionaryArray
    items: pa.DictionaryArray
    values: npt.NDArray[np.float64]
    timestamps: npt.NDArray[np.int64] | None = None
    labels: Mapping[str, LabelColumn] = field(default_factory=dict)
    scale: RatingScale | None = None
    notes: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def joined(cls, blocks: Iterable[RatingColumns]) -> RatingColumns:
        """All blocks of a `ColumnStream` as one; the names of labels are sorted, whatever the order of the rows."""
        parts = list(blocks)
        last = parts[-1]
        join = np.concatenate if len(parts) > 1 else itemgetter(0)  # without a copy
        users, items = (
            pa.DictionaryArray.from_arrays(pa.array(join(numbers)), ids.dictionary)
            for numbers, ids in (
                ([np.asarray(part.users.indices) for part in parts], last.users),
                ([np.asarray(part.items.indices) for part in parts], last.items),
            )
        )
        labels = {}
        for name, label in last.labels.items():
            names, indices = sorted_labels(label.names)
            labels[name] = LabelColumn(indices[join([part.labels[name].codes for part in parts])], names)
        times = [part.timestamps for part in parts if part.timestamps is not None]
        return replace(
            last,
            users=users,
            items=items,
            values=join([part.values for part in parts]),
            timestamps=join(times) if times else None,
            labels=labels,
        )

    @classmethod
    def from_ratings(cls, ratings: Ratings, *, path: Path | None = None) -> RatingColumns:
        """The columns of ratings in the order of their users and items; `path` is where they come from."""
        return cls(
            users=pa.DictionaryArray.from_arrays(pa.array(ratings.row_of_rating), ratings.users.ids),
            items=pa.DictionaryArray.from_arrays(pa.array(np.asarray(ratings.indices, np.int32)), ratings.items.ids),
            values=np.asarray(ratings.values, np.float64),
            timestamps=None if ratings.timestamps is None else np.asarray(ratings.timestamps, np.int64),
            labels=ratings.labels,
            notes=ratings.notes,
            origin=Origin(path),
        )

    def to_ratings(self, *, duplicates: DuplicatePolicy = "error", missing: MissingPolicy = "error") -> Ratings:
        """The ratings under sorted vocabularies of the ids that occur.

        Raises:
            DataError: a rating is absent (with "error"), infinite or outside the declared scale, or (with "error") a user
                rated an item twice; the message names the line.
        """
        check = ValueCheck(self.scale, missing)
        kept = check.add(self.values)
        notes = check.finish(self.origin)
        columns = self if kept is None else self._where(kept)
        users, rows = Vocabulary.from_encoded(columns.users, kind="user")
        items, item_indices = Vocabulary.from_encoded(columns.items, kind="item")
        try:
            return Ratings.from_indices(
                rows,
                item_indices,
                columns.values.astype(np.float32),
                users=users,
                items=items,
                timestamps=columns.timestamps,
                labels=columns.labels,
                scale=columns.scale,
                duplicates=duplicates,
                notes=(*columns.notes, *notes),
            )
        except RepeatedPairError as error:
            source_rows = np.arange(len(self)) if kept is None else np.flatnonzero(kept)
            first, again = source_rows[[error.first, error.again]].tolist()
            raise repeated_error(self.origin, error.user, error.item, first=first, again=again, count=error.count) from None

    def _where(self, kept: npt.NDArray[np.bool_]) -> RatingColumns:
        rows = pa.array(np.flatnonzero(kept))
        return replace(
            self,
            users=self.users.take(rows),
            items=self.items.take(rows),
            values=self.values[kept],
            timestamps=None if self.timestamps is None else self.timestamps[kept],
            labels={name: LabelColumn(label.codes[kept], label.names) for name, label in self.labels.items()},
        )


@dataclass
class ValueCheck:
    """Finds the ratings of a source that cannot be used, a block at a time.

    Attributes:
        scale: the declared scale, or None.
        missing: whether absent ratings are refused or skipped.
        rows: ratings looked at.
        skipped: absent ones among them, where such are skipped.
    """

    scale: RatingScale | None
    missing: MissingPolicy
    rows: int = 0
    skipped: int = 0
    _counts: Counter[str] = field(default_factory=Counter)  # by fault
    _first: dict[str, tuple[int, float]] = field(default_factory=dict)  # row and value of the first rating with a fault

    def add(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_] | None:
        """Look at the next ratings, float64 (rows,), NaN where absent.

        Returns:
            which of them to keep, bool (rows,), or None for all.
        """
        absent = np.isnan(values)
        skipped = int(np.count_nonzero(absent)) if self.missing == "skip" else 0
        not_finite = ~(np.abs(values) <= LARGEST)
        faults = {"not finite": not_finite & ~absent if skipped else not_finite}
        if self.scale is not None:
            faults["outside"] = (values < self.scale.minimum) | (values > self.scale.maximum)
        for fault, bad in faults.items():
            if count := int(np.count_nonzero(bad)):
                self._counts[fault] += count
                first = int(np.argmax(bad))
                self._first.setdefault(fault, (self.rows + first, float(values[first])))
        self.rows += len(values)
        self.skipped += skipped
        return ~absent if skipped else None

    def finish(self, origin: Origin) -> tuple[str, ...]:
        """Refuse what was found in the source.

        Returns:
            how many ratings are skipped, in words; empty if there are none.

        Raises:
            DataError: a rating is infinite, too large, absent (unless such are skipped) or outside the declared scale, or
                nothing is left.
        """
        for fault, (row, value) in sorted(self._first.items()):  # what is not finite before what is outside the scale
            problem, fix = f"the rating {value:g} is not finite", "Correct or remove these rows."
            if np.isnan(value):
                problem = "the rating is absent or not a number (NaN)"
                fix = "Correct or remove these rows, or leave them out: missing='skip' (--missing skip)."
            elif fault == "outside" and self.scale is not None:
                low, high = self.scale.minimum, self.scale.maximum
                problem = f"the rating {value:g} is outside the declared scale {low:g} to {high:g}"
                fix = "Correct or remove these rows, or declare the scale that the ratings have: scale (--scale)."
            raise origin.error(row, f"{problem} ({self._counts[fault]:,} such rating(s) in all)", fix=fix)
        if self.skipped == self.rows:
            fix = "Name the column with the ratings: rating='…' (--rating)."
            raise DataError("no row has a rating", path=origin.path, fix=fix)
        return (f"missing: {self.skipped:,} row(s) without a rating are skipped",) if self.skipped else ()


def sorted_labels(names: tuple[str, ...]) -> tuple[tuple[str, ...], npt.NDArray[np.uint8]]:
    """Names of labels in order, and the index there of each name, uint8 (names,)."""
    ordered = sorted(names)
    return tuple(ordered), np.array([ordered.index(name) for name in names], np.uint8)


def repeated_error(origin: Origin, user: object, item: object, *, first: int, again: int, count: int) -> DataError:
    """The refusal of repeated pairs: row `again` (from 0) is the first that repeats another one, which is row `first`."""
    return origin.error(
        again,
        f"user {user!r} rated item {item!r} again, first in {origin.describe_row(first)} ({count:,} such repeats in all)",
        fix=DUPLICATES_FIX,
    )
