"""Pairs of users and items to predict: a table with two id columns."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from refeed.data.readers.choosing import USUAL_NAMES, is_usual_name, normalised
from refeed.data.readers.ids import canonical_integers
from refeed.data.readers.sources import first_bytes, readable, text_source
from refeed.errors import DataError

DELIMITERS = ",\t;|"


def read_pairs(path: Path, *, user: str | None = None, item: str | None = None) -> tuple[pa.Array, pa.Array]:
    """The user and item ids of each row, Arrow arrays (P,) of int64 or large_string.

    Args:
        path: Parquet, or delimited text (comma, tab, semicolon or bar; compressed too) with or without a header.
        user: name of the user column; None finds it.
        item: name of the item column; None finds it.

    Raises:
        DataError: the file cannot be read, is empty, or has no such columns.
    """
    with readable(path):
        table: pa.Table = pyarrow.parquet.read_table(path) if first_bytes(path, 4) == b"PAR1" else _read_text(path)
    if len(table) == 0:
        raise DataError("there are no pairs", path=path, fix="Write a user and an item id on each line.")
    places = [_place(table.column_names, role, said, path) for role, said in (("user", user), ("item", item))]
    users, items = (_ids(table.column(place), table.column_names[place], path) for place in places)
    return users, items


def _read_text(path: Path) -> pa.Table:
    source = text_source(path)
    head, _ = source.head()
    first = head.decode("utf-8", errors="replace").lstrip("\ufeff").partition("\n")[0].strip("\r")
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip().strip('"') for name in first.split(delimiter)]
    if len(names) < 2:
        raise DataError(
            f"expected two columns, user and item, found '{first[:60]}'", path=path, line=1, fix="Part them with a comma."
        )
    has_header = any(is_usual_name(name) for name in names)
    columns = names if has_header else [*("user", "item"), *(f"column {number}" for number in range(3, len(names) + 1))]
    try:
        with source.open() as stream:
            table: pa.Table = pyarrow.csv.read_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(column_names=columns, skip_rows=int(has_header), use_threads=False),
                parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
                convert_options=pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string())),
            )
            return table
    except pa.ArrowInvalid as error:
        raise DataError(
            f"not a table of pairs ({error})", path=path, fix="Give each line the same number of fields."
        ) from error


def _place(names: list[str], role: str, said: str | None, path: Path) -> int:
    if said is not None:
        if said not in names:
            raise DataError(f"there is no column '{said}'; the columns are {', '.join(names)}", path=path)
        return names.index(said)
    found = [place for place, name in enumerate(names) if normalised(name) in USUAL_NAMES[role]]
    if len(found) != 1:
        raise DataError(
            f"cannot tell which column holds the {role} ids; the columns are {', '.join(names)}",
            path=path,
            fix=f"Say it: --{role} NAME ({role}=).",
        )
    return found[0]


def _ids(column: pa.ChunkedArray, name: str, path: Path) -> pa.Array:
    array = column.combine_chunks()
    empty = array.is_null() if not pa.types.is_string(array.type) else pc.equal(array.fill_null(""), "")
    if pc.any(empty).as_py():
        row = pc.index(empty, True).as_py()
        raise DataError(f"an id is missing, in row {row + 1:,}", path=path, column=name, fix="Fill it in, or remove the row.")
    if not pa.types.is_string(array.type):
        return array
    texts = array.cast(pa.large_string())
    integers = canonical_integers(texts)
    return texts if integers is None else integers
