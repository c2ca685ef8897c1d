"""One person's ratings: delimited text with an item, by id or title, and a rating on each line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from refeed.data.readers.choosing import usual_position
from refeed.data.readers.delimited import column_batches, record_locator
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.pairs import dialect_of_columns
from refeed.data.readers.places import Locate, Place
from refeed.data.readers.rating_stream import Meter
from refeed.data.readers.sniffing import Dialect
from refeed.data.readers.sources import text_source
from refeed.data.readers.texts import decoded
from refeed.data.readers.values import RatingColumn
from refeed.errors import DataError


@dataclass(frozen=True)
class Opinions:
    """One person's ratings as they are written.

    Attributes:
        items: ids or titles.
        ratings: one for each item; NaN where absent.
        locate: file and line of a row (from 0), for messages.
    """

    items: list[str]
    ratings: list[float]
    locate: Locate


def read_opinions(path: Path, *, encoding: str = "utf-8") -> Opinions:
    """Read one person's ratings.

    Args:
        path: "::", tabs, commas, semicolons or bars between the columns, compressed or not; with a header that names an item
            and a rating column, or of these two columns alone.
        encoding: of the text.

    Raises:
        DataError: the file cannot be read, or a line is not of that form.
    """
    source, options = text_source(path), ReadOptions(encoding=encoding)
    dialect = dialect_of_columns(source, "item and rating", {})
    positions = _positions(dialect, source.name)
    names = dialect.header or ("1", "2")
    locate = record_locator(source, dialect, options)
    item, rating = (Place(source.name, names[position], locate) for position in positions)
    items: list[str] = []
    ratings: list[float] = []
    for texts, numbers in column_batches(source, dialect, positions, options, Meter()):
        rows = len(items)
        items += decoded(texts, place=item, first_row=rows).to_pylist()
        ratings += RatingColumn(rating).read(decoded(numbers, place=rating, first_row=rows), first_row=rows).tolist()
    return Opinions(items, ratings, locate)


def _positions(dialect: Dialect, path: Path) -> tuple[int, int]:
    """Where the item and the rating are."""
    if dialect.header is not None:
        item, rating = (usual_position(role, dialect.header, path=path) for role in ("item", "rating"))
        assert item is not None and rating is not None  # only a time column may be absent
        return item, rating
    if dialect.width != 2:
        problem = f"expected two columns, item and rating, found {dialect.width}"
        raise DataError(problem, path=path, line=1, fix="Name the columns in a first line, for example item,rating.")
    return 0, 1
