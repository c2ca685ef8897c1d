"""From columns as they were read to `Ratings`, refusing what is not a usable rating with its file and line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import DuplicatePolicy, Ratings, RatingScale
from refeed.data.readers.columns import RatingColumns
from refeed.errors import DataError

LARGEST = float(np.finfo(np.float32).max)


def to_ratings(columns: RatingColumns, *, duplicates: DuplicatePolicy) -> Ratings:
    """The columns as `Ratings`.

    Raises:
        DataError: a rating is absent, NaN, infinite or outside the declared scale, or (with "error") a pair occurs twice.
    """
    _require_finite(columns)
    if columns.scale is not None:
        _require_within(columns, columns.scale)
    try:
        return Ratings.from_columns(
            columns.users,
            columns.items,
            columns.values,
            timestamps=columns.timestamps,
            labels=columns.labels,
            scale=columns.scale,
            duplicates=duplicates,
            notes=columns.notes,
        )
    except DataError:
        if duplicates == "error":
            _require_distinct(columns)  # the same refusal, with the lines of the file
        raise


def pair_codes(columns: RatingColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A number for each row's user, item and pair of both, three times int64 (nnz,)."""
    users, items = (ids.dictionary_encode() for ids in (columns.users, columns.items))
    user_codes, item_codes = (np.asarray(encoded.indices).astype(np.int64) for encoded in (users, items))
    return user_codes, item_codes, user_codes * len(items.dictionary) + item_codes


def _require_finite(columns: RatingColumns) -> None:
    bad = ~(np.abs(columns.values) <= LARGEST)
    if bad.any():
        row = int(np.argmax(bad))
        value = columns.values[row]
        problem = "the rating is absent or not a number (NaN)" if np.isnan(value) else f"the rating {value:g} is not finite"
        raise columns.error(row, f"{problem} ({int(bad.sum()):,} such rating(s) in all)", fix="Correct or remove these rows.")


def _require_within(columns: RatingColumns, scale: RatingScale) -> None:
    bad = (columns.values < scale.minimum) | (columns.values > scale.maximum)
    if bad.any():
        row = int(np.argmax(bad))
        raise columns.error(
            row,
            f"the rating {columns.values[row]:g} is outside the declared scale {scale.minimum:g} to {scale.maximum:g} "
            f"({int(bad.sum()):,} such rating(s) in all)",
            fix="Correct or remove these rows, or declare the scale that the ratings have: scale (--scale).",
        )


def _require_distinct(columns: RatingColumns) -> None:
    pairs = pair_codes(columns)[2]
    order = np.argsort(pairs, kind="stable")
    repeats = pairs[order][1:] == pairs[order][:-1]
    if not repeats.any():
        return
    later = order[1:][repeats]
    row = int(later.min())
    first = int(np.argmax(pairs == pairs[row]))
    user, item = (ids[row].as_py() for ids in (columns.users, columns.items))
    raise columns.error(
        row,
        f"user {user!r} rated item {item!r} again, first in {columns.describe_row(first)} ({len(later):,} such repeats in all)",
        fix="Say what to do with them: duplicates='last' (--duplicates last) keeps the latest, 'mean' averages them.",
    )
