"""One user's ratings: delimited text with an item, by id or title, and a rating on each line."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refeed.data.rating_columns import Locate, Meter, Origin
from refeed.errors import DataError
from refeed.readers.columns.texts import plain
from refeed.readers.columns.values import RatingColumn
from refeed.readers.formats.pairs import Wanted
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source


@dataclass(frozen=True)
class UserRatings:
    """One user's ratings as they are written.

    Attributes:
        items: ids or titles.
        ratings: one for each item; NaN where absent.
        locate: file and line of a row (from 0), for messages.
    """

    items: list[str]
    ratings: list[float]
    locate: Locate


def read_user_ratings(
    path: Path,
    *,
    encoding: str = "utf-8",
    decimal: str = ".",
    item: str | None = None,
    rating: str | None = None,
    known: Mapping[str, Any] | None = None,
) -> UserRatings:
    """Read one user's ratings.

    Args:
        path: "::", tabs, commas, semicolons or bars between the columns, compressed or not; with a header that names an item
            and a rating column, or of these two columns alone.
        encoding: of the text.
        decimal: the decimal sign of the ratings, "." or ",".
        item: the item column by name, or by number (from 1) as text; None finds it.
        rating: the rating column, in the same way.
        known: names by role, "item" and "rating", that hold where no name was given and the file has such a column.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.
        ConfigError: an unknown encoding or decimal sign.
    """
    options = ReadOptions(encoding=encoding, decimal=decimal)
    wanted = Wanted({"item": item, "rating": rating}, known or {})
    with closing(Source(path)) as source:
        text, positions = wanted.open_text(source, encoding=options.encoding)
        dialect = text.dialect
        if not dialect.has_header and len(dialect.names) != 2 and None in (item, rating):
            problem = f"expected two columns, item and rating, found {len(dialect.names)}"
            raise DataError(problem, path=source.name, line=1, fix="Name the columns in a first line, for example item,rating.")
        of_item, of_rating = (Origin(source.name, dialect.names[position], text.line_of_row) for position in positions)
        column = RatingColumn(of_rating, options.decimal)
        items: list[str] = []
        ratings: list[float] = []
        for texts, numbers in text.batches(positions, Meter()):
            rows = len(items)
            items += plain(texts, of_item, first_row=rows).to_pylist()
            ratings += column.read(plain(numbers, of_rating, first_row=rows), first_row=rows).tolist()
    return UserRatings(items, ratings, text.line_of_row)
