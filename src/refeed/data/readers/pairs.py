"""Pairs of users and items to predict: a table with two id columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from refeed.data.readers.choosing import column_position, is_usual_name, usual_position
from refeed.data.readers.delimited import column_batches, record_locator
from refeed.data.readers.ids import IdColumn, joined_ids
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.places import Locate, Place, shown
from refeed.data.readers.rating_stream import Meter
from refeed.data.readers.sniffing import Dialect, split_rows
from refeed.data.readers.sources import TextSource, first_bytes, readable, text_source
from refeed.data.readers.texts import decoded
from refeed.errors import DataError

DELIMITERS = ("::", "\t", ",", ";", "|")  # in the order in which they are preferred


def read_pairs(path: Path, *, user: str | None = None, item: str | None = None) -> tuple[pa.Array, pa.Array]:
    """The user and item ids of each row, Arrow arrays (P,) of int64 or large_string.

    Args:
        path: Parquet, or delimited text ("::", tab, comma, semicolon or bar; compressed too) with or without a header. Without
            one the first two columns are user and item.
        user: the user column by name, or by number (from 1) as text; None finds it.
        item: the item column, in the same way.

    Raises:
        DataError: the file cannot be read, is empty, has no such columns, or an id is missing.
    """
    if path.is_dir():
        raise DataError("this is a folder, expected a file of pairs", path=path, fix="Give the file.")
    said = {"user": user, "item": item}
    with readable(path):
        is_parquet = first_bytes(path, 4) == b"PAR1"
    users, items = _read_parquet(path, said) if is_parquet else _read_text(path, said)
    if len(users) == 0:
        raise DataError("there are no pairs", path=path, fix="Write a user and an item id on each line.")
    return users, items


def _read_parquet(path: Path, said: dict[str, str | None]) -> tuple[pa.Array, pa.Array]:
    try:
        with readable(path), pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            positions = _positions(names, said, has_header=True, path=path)
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


def _read_text(path: Path, said: dict[str, str | None]) -> tuple[pa.Array, pa.Array]:
    source = text_source(path)
    dialect = dialect_of_columns(source, "user and item", said)
    names = dialect.header or tuple(str(number + 1) for number in range(dialect.width))
    positions = _positions(names, said, has_header=dialect.header is not None, path=source.name)
    locate = record_locator(source, dialect, ReadOptions())
    columns, rows = _id_columns(names, positions, source.name, locate, parse=True), 0
    chunks: tuple[list[pa.Array], list[pa.Array]] = [], []
    for batch in column_batches(source, dialect, positions, ReadOptions(), Meter()):
        for ids, column, array in zip(chunks, columns, batch, strict=True):
            ids.append(column.read(decoded(array, place=column.place, first_row=rows), first_row=rows))
        rows += len(batch[0])
    return joined_ids(chunks[0]), joined_ids(chunks[1])


def dialect_of_columns(source: TextSource, columns: str, said: Mapping[str, str | None]) -> Dialect:
    """The dialect of a text with few columns, by the first line: a header holds a usual name of a column, or one that was said.

    Args:
        source: the text.
        columns: the two that it should have, for messages.
        said: columns by name or number, None for those to find.

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
    names = {name for name in said.values() if name is not None and not name.isdecimal()}
    has_header = any(is_usual_name(field) or field in names for field in fields)
    return Dialect(delimiter, len(fields), fields if has_header else None, runs=False)


def _positions(names: Sequence[str], said: dict[str, str | None], *, has_header: bool, path: Path) -> list[int]:
    positions = []
    for place, (role, name) in enumerate(said.items()):
        position: int | None = place
        if name is not None:
            position = column_position(name, names, option=role, path=path)
        elif has_header:
            position = usual_position(role, names, path=path)
        assert position is not None  # only a time column may be absent
        positions.append(position)
    if positions[0] == positions[1]:
        problem = f"column '{names[positions[0]]}' is taken as both user and item"
        raise DataError(problem, path=path, fix="Say which column is which: --user NAME --item NAME (user=, item=).")
    return positions


def _id_columns(
    names: Sequence[str], positions: Sequence[int], path: Path, locate: Locate | None, *, parse: bool
) -> tuple[IdColumn, IdColumn]:
    user, item = (Place(path, names[position], locate) for position in positions)
    return IdColumn("user", user, parse), IdColumn("item", item, parse)
