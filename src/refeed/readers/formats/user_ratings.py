"""One person's ratings: delimited text with an item, by id or title, and a rating on each line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refeed.errors import DataError
from refeed.readers.columns.places import Locate, Place
from refeed.readers.columns.texts import decoded
from refeed.readers.columns.values import RatingColumn
from refeed.readers.formats.delimited import column_batches, record_locator
from refeed.readers.formats.pairs import Wanted, dialect_of_columns
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter
from refeed.readers.text.sources import text_source


@dataclass(frozen=True)
class UserRatings:
    """One person's ratings as they are written.

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
    """Read one person's ratings.

    Args:
        path: "::", tabs, commas, semicolons or bars between the columns, compressed or not; with a header that names an item
            and a rating column, or of these two columns alone.
        encoding: of the text.
        decimal: the sign before the broken part of ratings, "." or ",".
        item: the item column by name, or by number (from 1) as text; None finds it.
        rating: the rating column, in the same way.
        known: names by role, "item" and "rating", that hold where no name was said and the file has such a column.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.
    """
    source, options = text_source(path), ReadOptions(encoding=encoding, decimal=decimal)
    wanted = Wanted({"item": item, "rating": rating}, known or {})
    dialect = dialect_of_columns(source, "item and rating", wanted)
    names = dialect.header or tuple(str(number + 1) for number in range(dialect.width))
    if dialect.header is None and dialect.width != 2 and None in (item, rating):
        problem = f"expected two columns, item and rating, found {dialect.width}"
        raise DataError(problem, path=source.name, line=1, fix="Name the columns in a first line, for example item,rating.")
    positions = wanted.positions(names, has_header=dialect.header is not None, path=source.name)
    locate = record_locator(source, dialect, options)
    of_item, of_rating = (Place(source.name, names[position], locate) for position in positions)
    items: list[str] = []
    ratings: list[float] = []
    for texts, numbers in column_batches(source, dialect, positions, options, Meter()):
        rows = len(items)
        items += decoded(texts, place=of_item, first_row=rows).to_pylist()
        ratings += (
            RatingColumn(of_rating, decimal).read(decoded(numbers, place=of_rating, first_row=rows), first_row=rows).tolist()
        )
    return UserRatings(items, ratings, locate)
