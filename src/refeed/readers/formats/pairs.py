"""Pairs of users and items to predict: a table with two id columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.data.rating_columns import Meter, Origin
from refeed.errors import DataError, shown
from refeed.readers.columns.choosing import choose_columns, usual_role
from refeed.readers.columns.ids import IdColumn, joined_ids
from refeed.readers.columns.texts import plain
from refeed.readers.formats.tables import valid_table
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source
from refeed.readers.text.delimited_text import DelimitedText
from refeed.readers.text.dialect import Dialect, split_rows

DELIMITERS = ("::", "\t", ",", ";", "|")  # in the order in which they are preferred


def read_pairs(
    path: Path, *, user: str | None = None, item: str | None = None, known: Mapping[str, Any] | None = None
) -> tuple[pa.Array, pa.Array]:
    """The user and item ids of each row, Arrow arrays (P,) of int64 or large_string.

    Args:
        path: Parquet, or delimited text ("::", tab, comma, semicolon or bar; compressed too) with or without a header. Without
            one the first two columns are user and item.
        user: the user column by name, or by number (from 1) as text; None finds it.
        item: the item column, in the same way.
        known: names by role, "user" and "item", that hold where no name was given and the file has such a column.

    Raises:
        DataError: the file cannot be read, is empty, has no such columns, or an id is missing.
    """
    if path.is_dir():
        raise DataError("this is a folder, expected a file of pairs", path=path, fix="Give the file.")
    wanted = Wanted({"user": user, "item": item}, known or {})
    with closing(Source(path)) as source:
        read = _read_parquet if source.head.startswith(b"PAR1") else _read_text
        users, items = read(source, wanted)
    if len(users) == 0:
        raise DataError("there are no pairs", path=path, fix="Write a user and an item id on each line.")
    return users, items


@dataclass(frozen=True)
class Wanted:
    """The two columns that are wanted.

    Attributes:
        given: by role the name, or number from 1, that was given; None for those to find.
        known: by role a name (without a header a number) that holds where none was given and there is such a column; may lack
            roles and hold others.
    """

    given: Mapping[str, str | None]
    known: Mapping[str, Any]

    def positions(self, names: Sequence[str], *, by_name: bool, path: Path) -> tuple[int, ...]:
        """Where they are: as was given or is known, else by a usual name, or by their order.

        Raises:
            DataError: they are not there, or one and the same.
        """
        given: dict[str, Any] = {}
        for role, name in self.given.items():
            known = self.known.get(role)
            given[role] = known if name is None and known in names else name
        return choose_columns(names, ReadOptions(**given), path=path, by_name=by_name, roles=tuple(given)).positions

    def open_text(self, source: Source, *, encoding: str = "utf-8") -> tuple[DelimitedText, tuple[int, ...]]:
        """A text with few columns, and where the wanted ones are; a header has a usual name, or one that is given or known.

        Raises:
            DataError: the text is empty or has one column only, or as `positions`.
        """
        first = next((line for line in source.head.decode("utf-8-sig", errors="replace").splitlines() if line), None)
        columns = " and ".join(self.given)
        if first is None:
            raise DataError("the file is empty", path=source.name, fix=f"Write two columns, {columns}.")
        delimiter = next((sign for sign in DELIMITERS if len(split_rows(first, sign)[0]) > 1), None)
        if delimiter is None:
            problem = f"expected two columns, {columns}, found {shown(first)}"
            raise DataError(problem, path=source.name, line=1, fix="Separate them with a comma.")
        fields = tuple(split_rows(first, delimiter)[0])
        names = {*self.given.values(), *(self.known.get(role) for role in self.given)}
        has_header = any(usual_role(field) or (field in names and not field.isdecimal()) for field in fields)
        numbers = tuple(map(str, range(1, len(fields) + 1)))
        dialect = Dialect(delimiter, fields if has_header else numbers, has_header, quoting=delimiter != "::")
        positions = self.positions(dialect.names, by_name=has_header, path=source.name)
        return DelimitedText(source, dialect, encoding), positions


def _read_parquet(source: Source, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    path = source.path
    with valid_table(path, "Parquet"), pyarrow.parquet.ParquetFile(source.file) as file:
        names = file.schema_arrow.names
        chosen = [names[position] for position in wanted.positions(names, by_name=True, path=path)]
        for name in chosen:
            if names.count(name) > 1:
                raise DataError(f"several columns are called '{name}'", path=path, fix="Give them names of their own.")
        table = file.read(columns=chosen)
    user, item = (Origin(path, name) for name in chosen)
    users, items = IdColumn("user", user, parse=False), IdColumn("item", item, parse=False)
    arrays = [
        _read(column, table.column(name).combine_chunks(), 0) for column, name in zip((users, items), chosen, strict=True)
    ]
    return joined_ids(arrays[:1]), joined_ids(arrays[1:])


def _read_text(source: Source, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    text, positions = wanted.open_text(source)
    user, item = (Origin(source.name, text.dialect.names[position], text.line_of_row) for position in positions)
    columns = IdColumn("user", user, parse=True), IdColumn("item", item, parse=True)
    chunks: tuple[list[pa.Array], list[pa.Array]] = [], []
    rows = 0
    for batch in text.batches(positions, Meter()):
        for ids, column, array in zip(chunks, columns, batch, strict=True):
            ids.append(_read(column, array, rows))
        rows += len(batch[0])
    return joined_ids(chunks[0]), joined_ids(chunks[1])


def _read(column: IdColumn, array: pa.Array, first_row: int) -> pa.Array:
    return column.read(plain(array, column.origin, first_row=first_row), first_row=first_row)
