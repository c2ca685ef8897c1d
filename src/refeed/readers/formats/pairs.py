"""Pairs of users and items to predict: a table with two id columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.data.rating_columns import Meter, Origin
from refeed.errors import DataError, shown
from refeed.readers.columns.choosing import choose_columns, usual_role
from refeed.readers.columns.ids import IdColumn, joined_ids
from refeed.readers.formats.tables import valid_table
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source
from refeed.readers.stream import typed_columns
from refeed.readers.text.delimited_text import DelimitedText
from refeed.readers.text.dialect import Dialect, numbered, split_rows

DELIMITERS = ("::", "\t", ",", ";", "|")  # in the order in which they are preferred
Known = Mapping[str, Any]
"""By role a name (without a header a number) that holds where none was given and the file has such a column."""


def read_pairs(
    path: Path, *, user: str | None = None, item: str | None = None, known: Known | None = None
) -> tuple[pa.Array, pa.Array]:
    """The user and item ids of each row, Arrow arrays (P,) of int64 or large_string.

    Args:
        path: Parquet, or delimited text ("::", tab, comma, semicolon or bar; compressed too) with or without a header. Without
            one the first two columns are user and item.
        user: the user column by name, or by number (from 1) as text; None finds it.
        item: the item column, in the same way.
        known: names that hold where none was given and the file has such a column.

    Raises:
        DataError: the file cannot be read, is empty, has no such columns, or an id is missing.
    """
    if path.is_dir():
        raise DataError("this is a folder, expected a file of pairs", path=path, fix="Give the file.")
    given = {"user": user, "item": item}
    with closing(Source(path)) as source:
        if source.head.startswith(b"PAR1"):
            origins, batches, parse = *_open_parquet(source, given, known or {}), False
        else:
            origins, batches, parse = *open_text(source, given, known or {}), True
        columns = IdColumn("user", origins[0], parse), IdColumn("item", origins[1], parse)
        chunks = next(typed_columns(batches, columns), None)
    if chunks is None:
        raise DataError("there are no pairs", path=path, fix="Write a user and an item id on each line.")
    return joined_ids(chunks[0]), joined_ids(chunks[1])


def open_text(
    source: Source, given: Mapping[str, str | None], known: Known, *, encoding: str = "utf-8"
) -> tuple[list[Origin], Iterator[list[pa.Array]]]:
    """Two columns of a delimited text, for messages and batch by batch.

    A header is a first line that holds a usual name, or one that is given or known; without one the columns are found by their
    order, unless they are given.

    Args:
        source: the text.
        given: by role the name, or number from 1, that was given; None for columns to find.
        known: names that hold where none was given and the file has such a column.
        encoding: of the text.

    Raises:
        DataError: the text is empty or has one column only, or the columns are not there; also later, when a line is ragged.
    """
    first = next((line for line in source.head.decode("utf-8-sig", errors="replace").splitlines() if line), None)
    columns = " and ".join(given)
    if first is None:
        raise DataError("the file is empty", path=source.name, fix=f"Write two columns, {columns}.")
    delimiter = next((sign for sign in DELIMITERS if len(split_rows(first, sign)[0]) > 1), None)
    if delimiter is None:
        problem = f"expected two columns, {columns}, found {shown(first)}"
        raise DataError(problem, path=source.name, line=1, fix="Separate them with a comma.")
    fields = tuple(split_rows(first, delimiter)[0])
    names = {*given.values(), *(known.get(role) for role in given)}
    has_header = any(usual_role(field) or (field in names and not field.isdecimal()) for field in fields)
    if not has_header and len(fields) != 2 and "rating" in given and None in given.values():
        problem = f"expected two columns, {columns}, found {len(fields)}"
        raise DataError(problem, path=source.name, line=1, fix="Name the columns in a first line, for example item,rating.")
    dialect = Dialect(delimiter, fields if has_header else numbered(len(fields)), has_header, quoting=delimiter != "::")
    positions = _choose(dialect.names, given, known, by_name=has_header, path=source.name)
    text = DelimitedText(source, dialect, encoding)
    origins = [Origin(source.name, dialect.names[position], text.line_of_row) for position in positions]
    return origins, text.batches(positions, Meter())


def _open_parquet(
    source: Source, given: Mapping[str, str | None], known: Known
) -> tuple[list[Origin], Iterator[list[pa.Array]]]:
    path = source.path
    with valid_table(path, "Parquet"), pyarrow.parquet.ParquetFile(source.file) as file:
        names = file.schema_arrow.names
        chosen = [names[position] for position in _choose(names, given, known, by_name=True, path=path)]
        for name in chosen:
            if names.count(name) > 1:
                raise DataError(f"several columns are called '{name}'", path=path, fix="Give them names of their own.")
        table = file.read(columns=chosen)
    return [Origin(path, name) for name in chosen], iter([[table.column(name).combine_chunks() for name in chosen]])


def _choose(
    names: Sequence[str], given: Mapping[str, str | None], known: Known, *, by_name: bool, path: Path
) -> tuple[int, ...]:
    """Positions of the columns by role."""
    wanted: dict[str, Any] = dict(given)
    for role in given:
        if given[role] is None and known.get(role) in names:
            wanted[role] = known[role]
    return choose_columns(names, ReadOptions(**wanted), path=path, by_name=by_name, roles=tuple(given)).positions
