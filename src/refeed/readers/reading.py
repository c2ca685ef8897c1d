"""`read_ratings`: any source of ratings to `Ratings`; `read_columns`: the same, before anything is judged."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from refeed.data.rating_columns import MissingPolicy, RatingColumns
from refeed.data.ratings import DuplicatePolicy, Ratings, RatingScale
from refeed.errors import DataError
from refeed.readers.formats.sparse import is_sparse, read_sparse
from refeed.readers.formats.stores import is_store, read_store
from refeed.readers.formats.tables import is_pandas, read_table
from refeed.readers.layouts import read_layout, recognise
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source
from refeed.readers.stream import RatingStream


def read_ratings(
    source: Any,
    *,
    user: str | None = None,
    item: str | None = None,
    rating: str | None = None,
    time: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    decimal: str = ".",
    labels: Sequence[str] = (),
    scale: RatingScale | None = None,
    duplicates: DuplicatePolicy = "error",
    missing: MissingPolicy = "error",
    layout: str | None = None,
) -> Ratings:
    r"""Read ratings from a file, a folder, a table or a sparse matrix.

    Args:
        source: a path to delimited text (plain, gzip, bzip2, Zstandard, or in a zip archive), Parquet, Arrow IPC, a ratings
            store, or a folder of a known layout; a table with the Arrow C stream interface (pyarrow, pandas, polars, DuckDB);
            or a sparse matrix.
        user: the user column by name, or by number (from 1) as text; None finds it.
        item: the item column, in the same way.
        rating: the rating column, in the same way.
        time: the time column, in the same way; "" reads no times.
        delimiter: one character, "::", or a name such as "tab"; None finds it.
        header: whether the first line holds names; None finds out.
        encoding: of text files.
        decimal: the decimal sign of ratings in text files, "." or ",".
        labels: further columns to read, such as a split that the file already holds.
        scale: the smallest and largest possible rating; None takes those that occur.
        duplicates: what to do when a user rated an item more than once (see `Ratings.from_columns`).
        missing: what to do with a row whose rating is absent or NaN: "error" refuses, "skip" leaves it out.
        layout: "store" or a name of `refeed.readers.layouts.LAYOUTS`; None recognises it.

    Raises:
        DataError: the source cannot be read, or a row is not a usable rating; the message names the place and the remedy.
        ConfigError: an option that does not exist or does not apply.

    Examples:
        >>> from pathlib import Path
        >>> from refeed import read_ratings
        >>> _ = Path("ratings.csv").write_text("user,item,rating\nann,Alien,5\nann,Heat,3\nbob,Heat,4\n")
        >>> read_ratings("ratings.csv")
        Ratings(3 ratings, 2 users x 2 items, 3 to 5, without times)
    """
    options = ReadOptions(user, item, rating, time, delimiter, header, encoding, decimal, labels, scale)
    if is_store(source, layout):
        return read_store(Path(source), options)
    with open_ratings(source, options, layout=layout) as stream:
        columns = RatingColumns.joined(stream.blocks())
    return columns.to_ratings(duplicates=duplicates, missing=missing)


def read_columns(source: Any, *, layout: str | None = None, **options: Any) -> RatingColumns:
    """Read the columns of a source of ratings as they are.

    NaN, infinite and out-of-scale ratings and duplicates are kept, for `refeed.data.audit.audit.audit` to report.

    Args:
        source: as for `read_ratings`.
        layout: in the same way.
        options: fields of `ReadOptions`.

    Raises:
        DataError: the source cannot be read, or a value cannot be what its column says.
        ConfigError: an option that does not exist or does not apply.
    """
    given = ReadOptions(**options)
    if is_store(source, layout):
        ratings = read_store(Path(source), replace(given, scale=None))
        return replace(RatingColumns.from_ratings(ratings, path=Path(source)), scale=given.scale)
    with open_ratings(source, given, layout=layout) as stream:
        return RatingColumns.joined(stream.blocks())


@contextmanager
def open_ratings(source: Any, options: ReadOptions, *, layout: str | None = None) -> Iterator[RatingStream]:
    """Open a source of ratings that is no store, as a stream to be read once.

    Args:
        source: as for `read_ratings`.
        options: what is given.
        layout: a name of `refeed.readers.layouts.LAYOUTS`; None recognises it.

    Raises:
        DataError: the source cannot be read; also later, at a row that cannot.
        ConfigError: an option that does not apply.
    """
    if isinstance(source, str | os.PathLike):
        with closing(Source(Path(source))) as opened:
            yield read_layout(opened, options, layout=layout)
    elif is_sparse(source):
        yield read_sparse(source, options)
    elif is_pandas(source) or hasattr(source, "__arrow_c_stream__"):
        yield read_table(source, options)
    else:
        raise DataError(
            f"expected a path, a table with the Arrow C stream interface or a sparse matrix, got {type(source).__name__}",
            fix="Pass the columns to Ratings.from_columns if you have them as arrays.",
        )


def layout_of(path: str | Path) -> str:
    """The layout of a file or folder, "store" or a name of `LAYOUTS`.

    Raises:
        DataError: it cannot be read, or is in no known layout.
    """
    if is_store(path, None):
        return "store"
    with closing(Source(Path(path))) as source:
        return recognise(source)
