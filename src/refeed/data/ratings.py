"""`Ratings`: a sparse matrix of users x items with ids, times and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.history import History, divided, row_entries
from refeed.data.pair_order import first_repeat, merge_repeats, pair_order
from refeed.data.row_blocks import chosen_counts, index_counts, looked_up, pointers, row_blocks
from refeed.data.vocabulary import Id, Ids, Vocabulary
from refeed.errors import DataError
from refeed.reports.notebook import facts_table, first_of
from refeed.reports.page import Cell

DuplicatePolicy = Literal["error", "last", "mean"]
DUPLICATES_FIX = "Say what to do with them: duplicates='last' (--duplicates last) keeps the latest, 'mean' averages them."


class RepeatedPairError(DataError):
    """A user who rated an item more than once.

    Attributes:
        user: id of the user.
        item: id of the item.
        first: row (from 0) of the pair's first rating.
        again: row of its second one, which is the first of all ratings that repeat a user and item.
        count: number of all ratings that repeat one.
    """

    def __init__(self, user: Id, item: Id, *, first: int, again: int, count: int) -> None:
        self.user, self.item, self.first, self.again, self.count = user, item, first, again, count
        super().__init__(
            f"user {user!r} rated item {item!r} more than once ({count:,} such repeats in all; the first in rows {first + 1:,} "
            f"and {again + 1:,} of the data)",
            fix=DUPLICATES_FIX,
        )


@dataclass(frozen=True)
class RatingScale:
    """The smallest and the largest possible rating; predictions are clipped to it.

    Attributes:
        minimum: the smallest rating.
        maximum: the largest rating.

    Raises:
        DataError: the minimum is above the maximum.

    Examples:
        >>> import numpy as np
        >>> from refeed import RatingScale
        >>> RatingScale(1, 5).clip(np.array([0.2, 3.7, 6.0])).tolist()
        [1.0, 3.7, 5.0]
    """

    minimum: float
    maximum: float

    def __post_init__(self) -> None:
        if not self.minimum <= self.maximum:
            raise DataError(f"rating scale: the minimum {self.minimum} is above the maximum {self.maximum}")

    def clip(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`values` with everything outside the scale moved to its nearest end."""
        clipped: npt.NDArray[Any] = np.clip(values, self.minimum, self.maximum)
        return clipped


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A column of labels, one for each rating (for example a split that the file already holds).

    Attributes:
        codes: uint8 (nnz,), index in `names`.
        names: the distinct labels.
    """

    codes: npt.NDArray[np.uint8]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings of users for items as compressed sparse rows, each row sorted by item.

    Missing is structural: a pair that is not in the arrays was not rated, and 0 is a rating like any other. The arrays
    may be memory-mapped and of compact types (uint16 items, int8 ratings, int32 times); `rows` gives wide ones.

    Attributes:
        users: vocabulary of the rows.
        items: vocabulary of the columns.
        indptr: int64 (num_users + 1,).
        indices: integers (nnz,), item indices, increasing within a row.
        values: integers or floats (nnz,), ratings.
        scale: smallest and largest possible rating.
        timestamps: integers (nnz,), whole seconds since 1970-01-01 UTC, or None.
        labels: further columns by name.
        notes: what the reader decided (delimiter, columns, duplicates).

    Examples:
        >>> from refeed import Ratings
        >>> ratings = Ratings.from_columns(["ann", "ann", "bob"], ["Alien", "Heat", "Heat"], [5, 3, 4])
        >>> ratings
        Ratings(3 ratings, 2 users x 2 items, 3 to 5, without times)
        >>> ratings.user_counts.tolist()
        [2, 1]
        >>> ratings.to_arrow().to_pylist()[0]
        {'user': 'ann', 'item': 'Alien', 'rating': 5.0}
    """

    users: Vocabulary
    items: Vocabulary
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[Any]
    values: npt.NDArray[Any]
    scale: RatingScale
    timestamps: npt.NDArray[Any] | None = None
    labels: Mapping[str, LabelColumn] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def from_columns(
        cls,
        users: Ids,
        items: Ids,
        values: npt.ArrayLike,
        *,
        timestamps: npt.ArrayLike | None = None,
        labels: Mapping[str, LabelColumn] | None = None,
        scale: RatingScale | None = None,
        duplicates: DuplicatePolicy = "error",
        vocabularies: tuple[Vocabulary, Vocabulary] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Ratings:
        """Ratings from one id, id, value (and time) for each rating, all of shape (nnz,), in any order.

        Args:
            users: ids, all strings or all integers.
            items: ids, all strings or all integers.
            values: finite numbers.
            timestamps: whole seconds since 1970 UTC.
            labels: further columns, in the order of the ratings.
            scale: declared scale; None takes the smallest and largest value.
            duplicates: what to do when a user rated an item more than once: "error" refuses, "last" keeps the latest by
                time (by row order among equal times or without times), "mean" averages the values and keeps the latest time
                and labels.
            vocabularies: fixed user and item vocabularies instead of the sorted ids that occur.
            notes: what the reader decided.

        Raises:
            DataError: no ratings, lengths differ, a value is not finite or outside the scale, duplicates (with "error"), or
                ids that are of mixed types or not in the vocabularies.

        Examples:
            >>> from refeed import Ratings, RatingScale
            >>> Ratings.from_columns([7, 7, 8], [1, 1, 2], [2, 4, 5], scale=RatingScale(1, 5), duplicates="mean")
            Ratings(2 ratings, 2 users x 2 items, 1 to 5, without times)
        """
        ratings = np.asarray(values, np.float32)
        _require_usable(ratings, scale)
        if vocabularies is None:
            user_vocabulary, rows = Vocabulary.from_occurrences(users, kind="user")
            item_vocabulary, columns = Vocabulary.from_occurrences(items, kind="item")
        else:
            user_vocabulary, item_vocabulary = vocabularies
            rows, columns = (v.lookup(ids).astype(np.int32) for v, ids in zip(vocabularies, (users, items), strict=True))
        times = None if timestamps is None else np.asarray(timestamps, np.int64)
        if len({len(ratings), len(rows), len(columns), len(ratings if times is None else times)}) != 1:
            raise DataError("users, items, ratings and times must have the same length")
        return cls.from_indices(
            rows,
            columns,
            ratings,
            users=user_vocabulary,
            items=item_vocabulary,
            timestamps=times,
            labels=labels,
            scale=scale,
            duplicates=duplicates,
            notes=notes,
        )

    @classmethod
    def from_indices(
        cls,
        rows: npt.NDArray[np.int32],
        columns: npt.NDArray[np.int32],
        values: npt.NDArray[np.float32],
        *,
        users: Vocabulary,
        items: Vocabulary,
        timestamps: npt.NDArray[np.int64] | None = None,
        labels: Mapping[str, LabelColumn] | None = None,
        scale: RatingScale | None = None,
        duplicates: DuplicatePolicy = "error",
        notes: tuple[str, ...] = (),
    ) -> Ratings:
        """As `from_columns`, from usable ratings and indices in two vocabularies, each of shape (nnz,), in any order.

        Raises:
            RepeatedPairError: a user rated an item more than once (with "error").
        """
        order, repeats = pair_order(rows, columns)
        num_repeats = int(np.count_nonzero(repeats))
        if num_repeats and duplicates == "error":
            first, again = first_repeat(order, repeats)
            user, item = users.decode([rows[again]])[0], items.decode([columns[again]])[0]
            raise RepeatedPairError(user, item, first=first, again=again, count=num_repeats)
        kept, merged = order, values[order]
        if num_repeats:
            kept, merged = merge_repeats(order, repeats, values, timestamps, mean=duplicates == "mean")
        return cls(
            users=users,
            items=items,
            indptr=np.searchsorted(rows[kept], np.arange(len(users.ids) + 1)),
            indices=columns[kept],
            values=merged,
            scale=scale or seen_scale(values.min(), values.max()),
            timestamps=None if timestamps is None else timestamps[kept],
            labels={name: LabelColumn(label.codes[kept], label.names) for name, label in (labels or {}).items()},
            notes=(*notes, duplicates_note(num_repeats, duplicates)) if num_repeats else notes,
        )

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        times = "with times" if self.timestamps is not None else "without times"
        return (
            f"Ratings({len(self):,} ratings, {self.num_users:,} users x {self.num_items:,} items, "
            f"{self.scale.minimum:g} to {self.scale.maximum:g}, {times})"
        )

    def _repr_html_(self) -> str:
        facts: list[tuple[str, Cell]] = [
            ("ratings", len(self)),
            ("users", self.num_users),
            ("items", self.num_items),
            ("density", f"{self.density:.2%}"),
            ("scale", f"{self.scale.minimum:g} to {self.scale.maximum:g}"),
            ("times (UTC)", self._days()),
            ("user ids", first_of(self.users.decode(range(min(3, self.num_users))), self.num_users)),
            ("item ids", first_of(self.items.decode(range(min(3, self.num_items))), self.num_items)),
            *((f"labels '{name}'", ", ".join(label.names)) for name, label in self.labels.items()),
        ]
        return facts_table("Ratings", facts)

    def _days(self) -> str | None:
        """The first and the last day on which something was rated; None without times."""
        if self.timestamps is None or len(self) == 0:
            return None
        ends = np.array([self.timestamps.min(), self.timestamps.max()], "datetime64[s]").astype("datetime64[D]")
        return f"{ends[0]} to {ends[1]}"

    @property
    def num_users(self) -> int:
        """Number of rows."""
        return len(self.users)

    @property
    def num_items(self) -> int:
        """Number of columns."""
        return len(self.items)

    @property
    def density(self) -> float:
        """Share of all user-item pairs that are rated."""
        return len(self) / max(1, self.num_users * self.num_items)

    @property
    def user_counts(self) -> npt.NDArray[np.int64]:
        """Number of ratings of each user, int64 (num_users,)."""
        return np.asarray(self.indptr[1:] - self.indptr[:-1])

    @cached_property
    def item_counts(self) -> npt.NDArray[np.int64]:
        """Number of ratings of each item, int64 (num_items,)."""
        return index_counts(self.indices, self.num_items)

    @property
    def row_of_rating(self) -> npt.NDArray[np.int32]:
        """Row of each rating, int32 (nnz,)."""
        return np.repeat(np.arange(self.num_users, dtype=np.int32), self.user_counts)

    def rows(self, users: npt.ArrayLike | None = None) -> History:
        """The ratings of the users at these indices (all of them by default) as a history with wide types."""
        chosen = np.arange(self.num_users, dtype=np.int64) if users is None else np.asarray(users, np.int64)
        entries, indptr = row_entries(self.indptr, chosen)
        return History(
            indptr=indptr,
            indices=self.indices[entries].astype(np.int64),
            values=self.values[entries].astype(np.float32),
            num_items=self.num_items,
            users=chosen,
            timestamps=None if self.timestamps is None else self.timestamps[entries].astype(np.int64),
        )

    def in_units_of(self, unit: float) -> Ratings:
        """The same ratings divided by a unit above 0, float32, and the scale with them."""
        scale = RatingScale(self.scale.minimum / unit, self.scale.maximum / unit)
        return replace(self, values=divided(self.values, unit), scale=scale)

    def select(self, chosen: npt.NDArray[np.bool_]) -> Ratings:
        """The ratings where `chosen`, bool (nnz,), is true; users and items keep their indices."""
        return self._mapped(
            lambda column: column[chosen],
            indptr=pointers(chosen_counts(self.indptr, chosen)),
            indices=self.indices[chosen],
        )

    def reindexed(self, users: Vocabulary, items: Vocabulary) -> tuple[Ratings, npt.NDArray[np.bool_]]:
        """The ratings under other vocabularies, without those of users or items that the vocabularies lack.

        Returns:
            the re-indexed ratings, and for each rating of `self` whether it was kept, bool (nnz,).
        """
        new_row = users.lookup(self.users.ids, missing="mark").astype(np.int32)
        new_column = items.lookup(self.items.ids, missing="mark").astype(np.int32)
        known_users, known_items = new_row >= 0, new_column >= 0
        kept = np.empty(len(self), bool)
        for block in row_blocks(self.indptr):
            kept[block.entries] = np.repeat(known_users[block.rows], block.counts) & known_items[self.indices[block.entries]]
        part = self if kept.all() else self.select(kept)
        columns = looked_up(new_column, part.indices)
        counts = np.zeros(len(users), np.int64)
        counts[new_row[known_users]] = part.user_counts[known_users]
        frame: dict[str, Any] = {"users": users, "items": items, "indptr": pointers(counts)}
        if _increases(new_row[known_users]) and _increases(new_column[known_items]):
            return replace(part, indices=columns, **frame), kept
        order, _ = pair_order(np.repeat(new_row, part.user_counts), columns)
        return part._mapped(lambda column: column[order], indices=columns[order], **frame), kept

    def occurring(self) -> Ratings:
        """The same ratings without the users and items that have none."""
        users = self.users.take(np.flatnonzero(self.user_counts))
        items = self.items.take(np.flatnonzero(self.item_counts))
        return self.reindexed(users, items)[0]

    def transposed(self) -> Ratings:
        """The same ratings with items as rows and users as columns."""
        indptr = pointers(self.item_counts)
        order = np.empty(len(self), np.int32 if len(self) <= np.iinfo(np.int32).max else np.int64)
        free = indptr[:-1].copy()  # where each item's next rating goes
        for block in row_blocks(self.indptr):
            columns = self.indices[block.entries]
            counts = np.bincount(columns, minlength=self.num_items)
            targets = np.repeat(free - np.cumsum(counts) + counts, counts) + np.arange(len(columns))
            order[targets] = block.entries.start + np.argsort(columns, kind="stable")
            free += counts
        return self._mapped(
            lambda column: looked_up(column, order),
            users=self.items,
            items=self.users,
            indptr=indptr,
            indices=looked_up(self.row_of_rating, order),
        )

    def _mapped(self, function: Callable[[npt.NDArray[Any]], npt.NDArray[Any]], **changes: Any) -> Ratings:
        """The ratings with `function` of their values, times and labels, and these changes."""
        return replace(
            self,
            values=function(self.values),
            timestamps=None if self.timestamps is None else function(self.timestamps),
            labels={name: LabelColumn(function(label.codes), label.names) for name, label in self.labels.items()},
            **changes,
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids, ratings, times and scale (32 hex digits), whatever the row order or storage."""
        digest = hashlib.blake2b(digest_size=16)
        for vocabulary in (self.users, self.items):
            digest.update(b"integers" if vocabulary.is_integer else b"strings")
            for chunk in _id_chunks(vocabulary):
                digest.update(chunk)
        digest.update(np.array([self.scale.minimum, self.scale.maximum], "<f8").tobytes())
        _update_in_blocks(digest, self.indptr, "<i8")
        _update_in_blocks(digest, self.indices, "<i4")
        _update_in_blocks(digest, self.values, "<f4")
        digest.update(b"no times" if self.timestamps is None else b"times")
        if self.timestamps is not None:
            _update_in_blocks(digest, self.timestamps, "<i8")
        return digest.hexdigest()

    def to_arrow(self) -> pa.Table:
        """The ratings as an Arrow table with columns user, item, rating, time (where known) and the labels."""
        return self._table(self.row_of_rating, slice(None))

    def arrow_blocks(self) -> Iterator[pa.Table]:
        """The table of `to_arrow` some users at a time."""
        for block in row_blocks(self.indptr):
            yield self._table(block.rows.start + block.row_of_rating, block.entries)

    def _table(self, rows: npt.NDArray[np.int32], entries: slice) -> pa.Table:
        columns = {
            "user": self.users.ids.take(pa.array(rows)),
            "item": self.items.ids.take(pa.array(np.asarray(self.indices[entries], np.int32))),
            "rating": pa.array(np.asarray(self.values[entries], np.float32)),
        }
        if self.timestamps is not None:
            columns["time"] = pa.array(np.asarray(self.timestamps[entries], np.int64))
        for name, label in self.labels.items():
            codes = pa.array(label.codes[entries])
            columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array(label.names)).dictionary_decode()
        return pa.table(columns)


def joined(first: Ratings, second: Ratings) -> Ratings:
    """The ratings of both, which have the same vocabularies, the same labels and no pair in common."""
    rows = np.concatenate((first.row_of_rating, second.row_of_rating))
    columns = np.concatenate((first.indices, second.indices))
    order, _ = pair_order(rows, columns)

    def both(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate((one, other))[order]

    have_times = first.timestamps is not None and second.timestamps is not None
    return replace(
        first,
        indptr=first.indptr + second.indptr,
        indices=columns[order],
        values=both(first.values, second.values),
        timestamps=both(first.timestamps, second.timestamps) if have_times else None,  # type: ignore[arg-type]
        labels={
            name: LabelColumn(both(label.codes, second.labels[name].codes), label.names) for name, label in first.labels.items()
        },
    )


def seen_scale(minimum: Any, maximum: Any) -> RatingScale:
    """The scale of undeclared ratings; a zero has no sign, since -0.0 and 0.0 may both be the smallest."""
    return RatingScale(float(minimum) + 0.0, float(maximum) + 0.0)


def duplicates_note(count: int, policy: DuplicatePolicy) -> str:
    """What became of `count` ratings that repeated a user and item, in words."""
    how = "the latest is kept" if policy == "last" else "the mean is taken"
    return f"duplicates: {count:,} rating(s) of a user and item that were rated already; {how}"


def _require_usable(values: npt.NDArray[np.float32], scale: RatingScale | None) -> None:
    if len(values) == 0:
        raise DataError("there are no ratings")
    bad = ~np.isfinite(values)
    if bad.any():
        raise DataError(f"rating number {int(np.argmax(bad)) + 1:,} is {values[bad][0]}, expected a finite number")
    if scale is not None:
        bad = (values < scale.minimum) | (values > scale.maximum)
        if bad.any():
            raise DataError(
                f"rating number {int(np.argmax(bad)) + 1:,} is {values[bad][0]:g}, outside the declared scale "
                f"{scale.minimum:g} to {scale.maximum:g}"
            )


def _increases(indices: npt.NDArray[np.int32]) -> bool:
    return bool((indices[1:] > indices[:-1]).all())


def _id_chunks(vocabulary: Vocabulary) -> list[bytes]:
    if vocabulary.is_integer:
        return [np.asarray(vocabulary.ids, "<i8").tobytes()]
    lengths = np.asarray(pc.binary_length(vocabulary.ids), "<i8")
    return [lengths.tobytes(), "".join(vocabulary.ids.to_pylist()).encode()]


def _update_in_blocks(digest: Any, array: npt.NDArray[Any], dtype: str, block: int = 1 << 22) -> None:
    for start in range(0, len(array), block):
        digest.update(np.ascontiguousarray(array[start : start + block], dtype=dtype))
