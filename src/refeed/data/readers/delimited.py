"""Delimited text: comma, tab, semicolon, pipe, spaces or "::", with or without a header, also compressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.readers.builder import ColumnsBuilder
from refeed.data.readers.choosing import choose_by_name, choose_by_position
from refeed.data.readers.columns import Locate, RatingColumns
from refeed.data.readers.csv_stream import RaggedRow, parse, ragged_error
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.places import shown
from refeed.data.readers.records import find_record
from refeed.data.readers.sniffing import Dialect, sniff
from refeed.data.readers.sources import TextSource, text_source
from refeed.data.readers.streams import SingleSpaced
from refeed.errors import DataError


def read_delimited(path: Path, options: ReadOptions) -> RatingColumns:
    """Read a delimited text file, compressed or not, or the one such member of a zip archive.

    Raises:
        DataError: the file cannot be read, or a line of it is not a rating.
    """
    source = text_source(path)
    head, complete = source.head()
    dialect = sniff(head, options, complete=complete, path=source.name)
    if dialect.header is None:
        choice = choose_by_position(dialect.width, options, path=source.name)
    else:
        choice = choose_by_name(dialect.header, options, path=source.name)
    locate = record_locator(source, dialect, options)
    builder = ColumnsBuilder(choice, options, parse=True, path=source.name, locate=locate)
    for columns in column_batches(source, dialect, choice.positions, options, locate):
        builder.add(columns)
    return builder.finish(notes=(dialect.note, f"encoding: {options.encoding}", choice.note))


def record_locator(source: TextSource, dialect: Dialect, options: ReadOptions) -> Locate:
    """A function that gives the file and line of a row."""
    first = 1 if dialect.header is None else 2

    def locate(row: int) -> tuple[Path, int]:
        return find_record([source], row + first, encoding=options.encoding)

    return locate


def column_batches(
    source: TextSource, dialect: Dialect, positions: Sequence[int], options: ReadOptions, locate: Locate
) -> Iterator[list[pa.Array]]:
    """The columns at `positions`, each binary (rows,), batch by batch.

    A "::" is parsed as two ":", with an empty column between.

    Raises:
        DataError: a line with too few or too many fields, or text that cannot be parsed.
    """
    step = len(dialect.delimiter)
    separators = range(1, step * dialect.width - 1, 2) if step == 2 else range(0)
    wanted = list(dict.fromkeys(step * position for position in positions))
    ragged = RaggedRow()
    first_row = 0
    with source.open() as stream:
        try:
            for batch in parse(
                cast(BinaryIO, SingleSpaced(stream)) if dialect.runs else stream,
                width=step * dialect.width - (step - 1),
                columns=[*wanted, *separators],
                delimiter=dialect.delimiter[0],
                quoting=step == 1,
                skip=0 if dialect.header is None else 1,
                encoding=options.encoding,
                on_ragged=ragged,
            ):
                _require_empty(batch[len(wanted) :], first_row, locate)
                yield [batch[wanted.index(step * position)] for position in positions]
                first_row += len(batch[0])
        except pa.ArrowInvalid as error:
            raise _parse_error(error, ragged, source, dialect, options) from None
        except UnicodeDecodeError as error:
            raise DataError(
                f"the bytes {error.object[error.start : error.end]!r} are not {options.encoding} text",
                path=source.name,
                fix="Say the encoding that the file has: encoding='…' (--encoding).",
            ) from None


def _parse_error(error: Exception, ragged: RaggedRow, source: TextSource, dialect: Dialect, options: ReadOptions) -> DataError:
    row = ragged.row
    if row is None:
        return DataError(
            f"the text cannot be parsed ({str(error).splitlines()[0]})",
            path=source.name,
            fix="Look for a double quote that is never closed, or a line of more than 4 MiB.",
        )
    step = len(dialect.delimiter)
    path, line = find_record([source], row.number, encoding=options.encoding)
    found = (row.actual_columns + step - 1) // step
    return ragged_error(row, expected=dialect.width, found=found, path=path, line=line)


def _require_empty(separators: Sequence[pa.Array], first_row: int, locate: Locate) -> None:
    """Refuse a single ":" in a text delimited by "::"."""
    for column in separators:
        filled = pc.greater(pc.binary_length(column), 0)
        if pc.any(filled).as_py():
            row = pc.index(filled, True).as_py()
            path, line = locate(first_row + row)
            text = shown(column[row].as_py().decode(errors="replace"))
            problem = f"a ':' stands alone before {text}, but fields are separated by '::'"
            raise DataError(problem, path=path, line=line, fix="Correct the line, or remove it.")
