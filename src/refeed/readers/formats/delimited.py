"""Delimited text: comma, tab, semicolon, pipe, spaces or "::", with or without a header, also compressed."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from refeed.errors import DataError
from refeed.readers.columns.choosing import choose_by_name, choose_by_position
from refeed.readers.columns.places import Locate
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter, RatingStream
from refeed.readers.text.csv_stream import RaggedRow, parse, ragged_error
from refeed.readers.text.records import find_record
from refeed.readers.text.sniffing import Dialect, sniff
from refeed.readers.text.sources import TextSource, text_source
from refeed.readers.text.streams import UNIT_SEPARATOR, RewrittenLines, single_spaced, size_of, unit_separated


def read_delimited(path: Path, options: ReadOptions) -> RatingStream:
    """Read a delimited text file, compressed or not, or the one such member of a zip archive.

    Raises:
        DataError: the file cannot be read; also later, when a line is no rating.
    """
    source = text_source(path)
    head, complete = source.head()
    dialect = sniff(head, options, complete=complete, path=source.name)
    if dialect.header is None:
        choice = choose_by_position(dialect.width, options, path=source.name)
    else:
        choice = choose_by_name(dialect.header, options, path=source.name)
    meter = Meter(size_of([source]))
    return RatingStream(
        batches=column_batches(source, dialect, choice.positions, options, meter),
        choice=choice,
        parse=True,
        notes=(dialect.note, f"encoding: {options.encoding}", choice.note),
        path=source.name,
        locate=record_locator(source, dialect, options),
        meter=meter,
    )


def record_locator(source: TextSource, dialect: Dialect, options: ReadOptions) -> Locate:
    """A function that gives the file and line of a row."""
    first = 1 if dialect.header is None else 2

    def locate(row: int) -> tuple[Path, int]:
        return find_record([source], row + first, encoding=options.encoding)

    return locate


def column_batches(
    source: TextSource, dialect: Dialect, positions: Sequence[int], options: ReadOptions, meter: Meter
) -> Iterator[list[pa.Array]]:
    """The columns at `positions`, each binary (rows,), batch by batch; `meter` counts the bytes read.

    Raises:
        DataError: a line with too few or too many fields, or text that cannot be parsed.
    """
    wanted = list(dict.fromkeys(positions))
    ragged = RaggedRow()
    with source.open(meter) as stream:
        try:
            for batch in parse(
                _prepared(stream, dialect, options),
                width=dialect.width,
                columns=wanted,
                delimiter=UNIT_SEPARATOR.decode() if dialect.delimiter == "::" else dialect.delimiter,
                quoting=dialect.delimiter != "::",
                skip=0 if dialect.header is None else 1,
                on_ragged=ragged,
            ):
                yield [batch[wanted.index(position)] for position in positions]
        except pa.ArrowInvalid as error:
            raise _parse_error(error, ragged, source, dialect, options) from None
        except UnicodeDecodeError as error:
            raise DataError(
                f"the bytes {error.object[error.start : error.end]!r} are not {options.encoding} text",
                path=source.name,
                fix="Say the encoding that the file has: encoding='…' (--encoding).",
            ) from None


def _prepared(stream: BinaryIO, dialect: Dialect, options: ReadOptions) -> BinaryIO:
    """The stream in UTF-8, with one byte between two fields."""
    if codecs.lookup(options.encoding).name != "utf-8":
        stream = pa.transcoding_input_stream(pa.PythonFile(stream, mode="r"), options.encoding, "utf-8")
    if dialect.runs:
        return cast(BinaryIO, RewrittenLines(stream, single_spaced))
    if dialect.delimiter == "::":
        return cast(BinaryIO, RewrittenLines(stream, unit_separated))
    return stream


def _parse_error(error: Exception, ragged: RaggedRow, source: TextSource, dialect: Dialect, options: ReadOptions) -> DataError:
    if ragged.row is None:
        return DataError(
            f"the text cannot be parsed ({str(error).splitlines()[0]})",
            path=source.name,
            fix="Look for a double quote that is never closed, or a line of more than 4 MiB.",
        )
    path, line = find_record([source], ragged.row.number, encoding=options.encoding)
    return ragged_error(ragged.row, expected=dialect.width, path=path, line=line)
