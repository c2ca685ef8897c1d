"""Delimited text to Arrow columns of bytes, and back from a row to its line."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv

from refeed.data.rating_columns import Meter
from refeed.errors import DataError, shown
from refeed.readers.source import UNREADABLE, Source, unreadable
from refeed.readers.text.dialect import Dialect
from refeed.readers.text.streams import UNIT_SEPARATOR, ChainedFiles, RewrittenLines, single_spaced, unit_separated

BLOCK_BYTES = 1 << 22  # parsed at a time, and the longest line


class RaggedRow:
    """Refuses the first row with too few or too many fields, and remembers it.

    pyarrow numbers rows from 1 among the lines that are not empty, the header included.
    """

    row: Any = None  # a pyarrow.csv.InvalidRow

    def __call__(self, row: Any) -> Literal["skip", "error"]:
        """Remember `row`, and stop the parser."""
        self.row = row
        return "error"


@dataclass(frozen=True)
class DelimitedText:
    """A delimited text.

    Attributes:
        source: a file, perhaps compressed, or several plain ones that are read one after the other.
        dialect: how it is written.
        encoding: of the text.
        block_bytes: how much is parsed at a time, at least the longest line.
    """

    source: Source | ChainedFiles
    dialect: Dialect
    encoding: str = "utf-8"
    block_bytes: int = BLOCK_BYTES

    def batches(self, positions: Sequence[int], meter: Meter, *, ragged: RaggedRow | None = None) -> Iterator[list[pa.Array]]:
        """The columns at `positions`, each binary (rows,) in UTF-8 that is not checked, batch by batch.

        Args:
            positions: of columns, from 0.
            meter: counts the bytes that are read from the disk.
            ragged: called with each row that has too few or too many fields; by default such a row is an error.

        Raises:
            DataError: a row with too few or too many fields, or bytes that cannot be read or parsed.
        """
        ragged = ragged or RaggedRow()
        wanted = list(dict.fromkeys(positions))
        try:
            with closing(self.source) as source, self._parser(source.stream(), wanted, ragged) as batches:
                for batch in batches:
                    meter.done = source.file.tell()
                    yield [batch.column(wanted.index(position)) for position in positions]
        except pa.ArrowInvalid as error:
            raise self._parse_error(error, ragged) from None
        except UnicodeDecodeError as error:
            raise DataError(
                f"the bytes {error.object[error.start : error.end]!r} are not {self.encoding} text",
                path=self.source.name,
                fix="Give the encoding that the file has: encoding='…' (--encoding).",
            ) from None
        except UNREADABLE as error:
            raise unreadable(error, self.source.name) from error

    def line_of_row(self, row: int) -> tuple[Path, int]:
        """The file and the 1-based line of a row (from 0)."""
        return self.line_of_record(row + 1 + self.dialect.has_header)

    def line_of_record(self, number: int) -> tuple[Path, int]:
        """The file and the 1-based line of a record.

        Lines are only looked for once there is something to say about one, so that reading need not count them.

        Args:
            number: of the record, counted from 1 over all files among the lines that are not empty, headers included. A record
                with line breaks in a quoted field counts once, and its first line is given.
        """
        found = 0
        for path in self.source.paths:
            inside_quotes = False
            with closing(Source(path)) as again, io.TextIOWrapper(again.stream(), self.encoding, errors="replace") as lines:
                for line, text in enumerate(lines, start=1):
                    found += not inside_quotes and text != "\n"
                    if found == number:
                        return again.name, line
                    inside_quotes ^= bool(text.count('"') % 2)
        raise ValueError(f"there are only {found} records, expected number {number} among them")

    def _parser(self, stream: Any, positions: Sequence[int], ragged: RaggedRow) -> pyarrow.csv.CSVStreamingReader:
        """The parser of a stream, for the columns at these positions in any order."""
        dialect = self.dialect
        if codecs.lookup(self.encoding).name != "utf-8":
            stream = pa.transcoding_input_stream(stream, self.encoding, "utf-8")
        if dialect.runs:
            stream = RewrittenLines(stream, single_spaced)
        elif dialect.delimiter == "::":
            stream = RewrittenLines(stream, unit_separated)
        names = [str(position) for position in range(len(dialect.names))]
        return pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=self.block_bytes,
                column_names=names,
                skip_rows=int(dialect.has_header),
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=UNIT_SEPARATOR.decode() if dialect.delimiter == "::" else dialect.delimiter,
                quote_char='"' if dialect.quoting else False,
                newlines_in_values=dialect.quoting,
                invalid_row_handler=ragged,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.binary() for name in names}, include_columns=[names[position] for position in positions]
            ),
        )

    def _parse_error(self, error: Exception, ragged: RaggedRow) -> DataError:
        row = ragged.row
        if row is None:
            return DataError(
                f"the text cannot be parsed ({str(error).splitlines()[0]})",
                path=self.source.name,
                fix=f"Look for a double quote that is never closed, or a line of more than {self.block_bytes:,} bytes.",
            )
        path, line = self.line_of_record(row.number)
        fix = "Correct the line, or remove it."
        if row.text.count('"') % 2:
            fix = "Correct the line: it holds a single double quote, so a quoted field may not end where it should."
        text = shown(row.text.replace(UNIT_SEPARATOR.decode(), "::"))
        problem = f"expected {len(self.dialect.names)} fields, found {row.actual_columns}: {text}"
        return DataError(problem, path=path, line=line, fix=fix)
