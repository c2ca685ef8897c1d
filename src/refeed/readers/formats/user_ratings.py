"""One user's ratings: delimited text with an item, by id or title, and a rating on each line."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from refeed.data.rating_columns import Origin
from refeed.readers.columns.ids import IdColumn, joined_ids
from refeed.readers.columns.values import RatingColumn
from refeed.readers.formats.pairs import Known, open_text
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source
from refeed.readers.stream import typed_columns


@dataclass(frozen=True)
class UserRatings:
    """One user's ratings as they are written.

    Attributes:
        items: ids or titles.
        ratings: one for each item; NaN where absent.
        origin: of the rows, for messages.
    """

    items: list[str]
    ratings: list[float]
    origin: Origin


def read_user_ratings(
    path: Path,
    *,
    encoding: str = "utf-8",
    decimal: str = ".",
    item: str | None = None,
    rating: str | None = None,
    known: Known | None = None,
) -> UserRatings:
    """Read one user's ratings.

    Args:
        path: "::", tabs, commas, semicolons or bars between the columns, compressed or not; with a header that names an item
            and a rating column, or of these two columns alone.
        encoding: of the text.
        decimal: the decimal sign of the ratings, "." or ",".
        item: the item column by name, or by number (from 1) as text; None finds it.
        rating: the rating column, in the same way.
        known: names that hold where none was given and the file has such a column.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.
        ConfigError: an unknown encoding or decimal sign.
    """
    options = ReadOptions(encoding=encoding, decimal=decimal)
    with closing(Source(path)) as source:
        origins, batches = open_text(source, {"item": item, "rating": rating}, known or {}, encoding=options.encoding)
        readers = IdColumn("item", origins[0], parse=False), RatingColumn(origins[1], options.decimal)
        items, ratings = next(typed_columns(batches, readers), ([], [np.zeros(0)]))
    return UserRatings(joined_ids(items).to_pylist(), np.concatenate(ratings).tolist(), replace(origins[0], column=None))
