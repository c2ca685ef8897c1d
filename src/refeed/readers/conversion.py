"""From columns as they were read to `Ratings`, refusing what is not a usable rating with its file and line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from refeed.data.pair_order import pair_order
from refeed.data.ratings import DUPLICATES_FIX, DuplicatePolicy, LabelColumn, Ratings, RatingScale
from refeed.errors import DataError
from refeed.readers.columns.places import Place
from refeed.readers.rating_columns import RatingColumns

MissingPolicy = Literal["error", "skip"]
LARGEST = float(np.finfo(np.float32).max)


@dataclass
class BadValues:
    """Ratings with one fault.

    Attributes:
        count: how many there are.
        row: the first one's row, from 0.
        value: the first one.
    """

    count: int = 0
    row: int = -1
    value: float = 0.0

    def add(self, bad: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], *, first_row: int) -> None:
        """Count the `bad` ones among `values`, both (rows,)."""
        found = int(np.count_nonzero(bad))
        if found and not self.count:
            first = int(np.argmax(bad))
            self.row, self.value = first_row + first, float(values[first])
        self.count += found


@dataclass
class ValueCheck:
    """Looks at all ratings of a source, a part at a time, for those that cannot be used.

    Attributes:
        scale: the declared scale, or None.
        missing: whether absent ratings are refused, or will be skipped.
    """

    scale: RatingScale | None
    missing: MissingPolicy
    skipped: int = 0
    _rows: int = 0
    _not_finite: BadValues = field(default_factory=BadValues)
    _outside: BadValues = field(default_factory=BadValues)

    def add(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_] | None:
        """Look at the next ratings, float64 (rows,), NaN where absent.

        Returns:
            which of them to keep, bool (rows,), or None for all.
        """
        absent = np.isnan(values)
        skipped = int(np.count_nonzero(absent)) if self.missing == "skip" else 0
        bad = ~(np.abs(values) <= LARGEST)
        if skipped:
            bad &= ~absent
        self._not_finite.add(bad, values, first_row=self._rows)
        if self.scale is not None:
            self._outside.add((values < self.scale.minimum) | (values > self.scale.maximum), values, first_row=self._rows)
        self._rows += len(values)
        self.skipped += skipped
        return ~absent if skipped else None

    @property
    def notes(self) -> tuple[str, ...]:
        """How many ratings are skipped, for people; empty if there are none."""
        return (f"missing: {self.skipped:,} row(s) without a rating are skipped",) if self.skipped else ()

    def require_usable(self, place: Place) -> None:
        """Refuse what was found.

        Raises:
            DataError: a rating is infinite, too large, absent (unless such are skipped) or outside the declared scale, or
                nothing is left.
        """
        if self._not_finite.count:
            raise self._not_finite_error(place)
        if self.scale is not None and self._outside.count:
            raise place.error(
                self._outside.row,
                f"the rating {self._outside.value:g} is outside the declared scale {self.scale.minimum:g} to "
                f"{self.scale.maximum:g} ({self._outside.count:,} such rating(s) in all)",
                fix="Correct or remove these rows, or declare the scale that the ratings have: scale (--scale).",
            )
        if self.skipped == self._rows:
            raise DataError(
                "no row has a rating", path=place.path, fix="Name the column with the ratings: rating='…' (--rating)."
            )

    def _not_finite_error(self, place: Place) -> DataError:
        found = self._not_finite
        problem, fix = f"the rating {found.value:g} is not finite", "Correct or remove these rows."
        if np.isnan(found.value):
            problem = "the rating is absent or not a number (NaN)"
            fix = "Correct or remove these rows, or leave them out: missing='skip' (--missing skip)."
        return place.error(found.row, f"{problem} ({found.count:,} such rating(s) in all)", fix=fix)


def to_ratings(columns: RatingColumns, *, duplicates: DuplicatePolicy, missing: MissingPolicy = "error") -> Ratings:
    """The columns as `Ratings`.

    Raises:
        DataError: a rating is absent (with "error"), infinite or outside the declared scale, or (with "error") a pair occurs
            twice.
    """
    check = ValueCheck(columns.scale, missing)
    kept = check.add(columns.values)
    check.require_usable(columns.place)
    source_rows = None if kept is None else np.flatnonzero(kept)
    if kept is not None:
        columns = _filtered(columns, kept)
    try:
        return Ratings.from_columns(
            columns.users,
            columns.items,
            columns.values,
            timestamps=columns.timestamps,
            labels=columns.labels,
            scale=columns.scale,
            duplicates=duplicates,
            notes=(*columns.notes, *check.notes),
        )
    except DataError:
        if duplicates == "error":
            _require_distinct(columns, source_rows)  # the same refusal, with the lines of the file
        raise


def repeated_error(place: Place, *, user: object, item: object, first: int, again: int, count: int) -> DataError:
    """The refusal of repeated pairs: row `again` (from 0) is the first that repeats another one, which is row `first`."""
    return place.error(
        again,
        f"user {user!r} rated item {item!r} again, first in {place.describe_row(first)} ({count:,} such repeats in all)",
        fix=DUPLICATES_FIX,
    )


def pair_codes(columns: RatingColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A number for each row's user, item and pair of both, three times int64 (nnz,)."""
    users, items = (ids.dictionary_encode() for ids in (columns.users, columns.items))
    user_codes, item_codes = (np.asarray(encoded.indices).astype(np.int64) for encoded in (users, items))
    return user_codes, item_codes, user_codes * len(items.dictionary) + item_codes


def _filtered(columns: RatingColumns, kept: npt.NDArray[np.bool_]) -> RatingColumns:
    places = np.flatnonzero(kept)
    return replace(
        columns,
        users=columns.users.take(places),
        items=columns.items.take(places),
        values=columns.values[kept],
        timestamps=None if columns.timestamps is None else columns.timestamps[kept],
        labels={name: LabelColumn(label.codes[kept], label.names) for name, label in columns.labels.items()},
    )


def _require_distinct(columns: RatingColumns, source_rows: npt.NDArray[np.int64] | None) -> None:
    users, items = (ids.dictionary_encode() for ids in (columns.users, columns.items))
    places, repeats = pair_order(np.asarray(users.indices), np.asarray(items.indices))
    if not repeats.any():
        return
    again = np.flatnonzero(repeats)
    second = again[np.argmin(places[again])]  # its pair's second rating, hence just after the first one
    row = int(places[second])
    rows = (int(places[second - 1]), row) if source_rows is None else source_rows[places[second - 1 : second + 1]].tolist()
    raise repeated_error(
        columns.place,
        user=users[row].as_py(),
        item=items[row].as_py(),
        first=rows[0],
        again=rows[1],
        count=len(again),
    )
