"""Pairs of users and items to predict: a table with two id columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from refeed.errors import DataError
from refeed.readers.columns.choosing import column_position, is_usual_name, usual_position
from refeed.readers.columns.ids import IdColumn, joined_ids
from refeed.readers.columns.places import Locate, Place, shown
from refeed.readers.columns.texts import decoded
from refeed.readers.formats.delimited import column_batches, record_locator
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter
from refeed.readers.text.sniffing import Dialect, split_rows
from refeed.readers.text.sources import TextSource, first_bytes, readable, text_source

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
        known: names by role, "user" and "item", that hold where no name was said and the file has such a column.

    Raises:
        DataError: the file cannot be read, is empty, has no such columns, or an id is missing.
    """
    if path.is_dir():
        raise DataError("this is a folder, expected a file of pairs", path=path, fix="Give the file.")
    wanted = Wanted({"user": user, "item": item}, known or {})
    with readable(path):
        is_parquet = first_bytes(path, 4) == b"PAR1"
    users, items = _read_parquet(path, wanted) if is_parquet else _read_text(path, wanted)
    if len(users) == 0:
        raise DataError("there are no pairs", path=path, fix="Write a user and an item id on each line.")
    return users, items


@dataclass(frozen=True)
class Wanted:
    """The two columns that are wanted.

    Attributes:
        said: by role the name, or number from 1, that was said; None for those to find.
        known: by role a name (without a header a number) that holds where none was said and there is such a column; may lack
            roles and hold others.
    """

    said: Mapping[str, str | None]
    known: Mapping[str, Any]

    @property
    def names(self) -> set[str]:
        """Names that only a header holds."""
        names = [*self.said.values(), *(self.known.get(role) for role in self.said)]
        return {name for name in names if name is not None and not name.isdecimal()}

    def positions(self, names: Sequence[str], *, has_header: bool, path: Path) -> list[int]:
        """Where they are: as was said or is known, by a usual name, or without a header in their order.

        Raises:
            DataError: they are not there, or one and the same.
        """
        positions = []
        for place, (role, name) in enumerate(self.said.items()):
            position, known = place, self.known.get(role)
            if name is not None:
                position = column_position(name, names, option=role, path=path)
            elif known is not None and known in names:  # the name of a column, or its number where there is no header
                position = column_position(known, names, option=role, path=path)
            elif has_header:
                found = usual_position(role, names, path=path)
                assert found is not None  # only a time column may be absent
                position = found
            positions.append(position)
        if positions[0] == positions[1]:
            one, other = self.said
            problem = f"column '{names[positions[0]]}' is taken as both {one} and {other}"
            fix = f"Say which column is which: --{one} NAME --{other} NAME ({one}=, {other}=)."
            raise DataError(problem, path=path, fix=fix)
        return positions


def _read_parquet(path: Path, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    try:
        with readable(path), pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            positions = wanted.positions(names, has_header=True, path=path)
            for name in (names[position] for position in positions):
                if names.count(name) > 1:
                    raise DataError(f"several columns are called '{name}'", path=path, fix="Give them names of their own.")
            table = file.read(columns=[names[position] for position in positions])
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"not a complete Parquet file ({reason})", path=path, fix="Copy or write the file again.") from error
    columns = _id_columns(names, positions, path, None, parse=False)
    users, items = (
        joined_ids([column.read(table.column(names[position]).combine_chunks(), first_row=0)])
        for column, position in zip(columns, positions, strict=True)
    )
    return users, items


def _read_text(path: Path, wanted: Wanted) -> tuple[pa.Array, pa.Array]:
    source = text_source(path)
    dialect = dialect_of_columns(source, "user and item", wanted)
    names = dialect.header or tuple(str(number + 1) for number in range(dialect.width))
    positions = wanted.positions(names, has_header=dialect.header is not None, path=source.name)
    locate = record_locator(source, dialect, ReadOptions())
    columns, rows = _id_columns(names, positions, source.name, locate, parse=True), 0
    chunks: tuple[list[pa.Array], list[pa.Array]] = [], []
    for batch in column_batches(source, dialect, positions, ReadOptions(), Meter()):
        for ids, column, array in zip(chunks, columns, batch, strict=True):
            ids.append(column.read(decoded(array, place=column.place, first_row=rows), first_row=rows))
        rows += len(batch[0])
    return joined_ids(chunks[0]), joined_ids(chunks[1])


def dialect_of_columns(source: TextSource, columns: str, wanted: Wanted) -> Dialect:
    """The dialect of a text with few columns, by the first line: a header holds a usual name of a column, or one that was said.

    Args:
        source: the text.
        columns: the two that it should have, for messages.
        wanted: the same two.

    Raises:
        DataError: the text is empty, or has one column only.
    """
    head, _ = source.head()
    first = next((line for line in head.decode("utf-8-sig", errors="replace").splitlines() if line), None)
    if first is None:
        raise DataError("the file is empty", path=source.name, fix=f"Write two columns, {columns}.")
    delimiter = next((one for one in DELIMITERS if len(split_rows(first, one)[0]) > 1), None)
    if delimiter is None:
        problem = f"expected two columns, {columns}, found {shown(first)}"
        raise DataError(problem, path=source.name, line=1, fix="Separate them with a comma.")
    fields = tuple(split_rows(first, delimiter)[0])
    has_header = any(is_usual_name(field) or field in wanted.names for field in fields)
    return Dialect(delimiter, len(fields), fields if has_header else None, runs=False)


def _id_columns(
    names: Sequence[str], positions: Sequence[int], path: Path, locate: Locate | None, *, parse: bool
) -> tuple[IdColumn, IdColumn]:
    user, item = (Place(path, names[position], locate) for position in positions)
    return IdColumn("user", user, parse), IdColumn("item", item, parse)
