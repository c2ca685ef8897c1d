"""Delimited text to batches of undecoded Arrow columns, by pyarrow's streaming parser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.csv

from refeed.errors import DataError
from refeed.readers.columns.places import shown
from refeed.readers.text.streams import UNIT_SEPARATOR

BLOCK = 1 << 22  # bytes parsed at a time, and the longest line

Ragged = Callable[[Any], Literal["skip", "error"]]  # takes a pyarrow.csv.InvalidRow


class RaggedRow:
    """Refuses the first row with too few or too many fields, and remembers it.

    pyarrow numbers rows from 1 among the lines that are not empty, the header included.
    """

    def __init__(self) -> None:
        self.row: Any = None

    def __call__(self, row: Any) -> Literal["skip", "error"]:
        """Remember `row`, and stop the parser."""
        self.row = row
        return "error"


def parse(
    stream: BinaryIO,
    *,
    width: int,
    columns: Sequence[int],
    delimiter: str,
    quoting: bool,
    skip: int,
    on_ragged: Ragged,
) -> Iterator[list[pa.Array]]:
    """The columns at the positions `columns`, each binary (rows,), batch by batch.

    Args:
        stream: the text, in UTF-8 that is passed on unchecked.
        width: number of fields of each row.
        columns: distinct positions (from 0) of the columns wanted.
        delimiter: one ASCII character.
        quoting: whether a field may be in double quotes.
        skip: number of lines before the first row.
        on_ragged: called with each row that has not `width` fields.
    """
    names = [str(position) for position in range(width)]
    with pyarrow.csv.open_csv(
        stream,
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=names, skip_rows=skip),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoting else False, newlines_in_values=quoting, invalid_row_handler=on_ragged
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name: pa.binary() for name in names}, include_columns=[names[position] for position in columns]
        ),
    ) as reader:
        for batch in reader:
            yield batch.columns


def ragged_error(row: Any, *, expected: int, path: Path, line: int | None) -> DataError:
    """The error for a row that has not the `expected` number of fields; `row` is what pyarrow says of it."""
    fix = "Correct the line, or remove it."
    if row.text.count('"') % 2:
        fix = "Correct the line: it holds a single double quote, so a quoted field may not end where it should."
    text = row.text.replace(UNIT_SEPARATOR.decode(), "::")
    return DataError(f"expected {expected} fields, found {row.actual_columns}: {shown(text)}", path=path, line=line, fix=fix)
