"""The jester sheets: a row for each user with the number of ratings, then a cell for each of 100 jokes (99: not rated)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.rating_columns import Meter, Origin
from refeed.readers.columns.choosing import ColumnChoice
from refeed.readers.columns.texts import plain
from refeed.readers.columns.values import RatingColumn
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source, total_size
from refeed.readers.stream import RatingStream
from refeed.readers.text.delimited_text import DelimitedText
from refeed.readers.text.dialect import Dialect, numbered

JOKES = 100
NOT_RATED = 99.0
CHOICE = ColumnChoice(("user", "joke", "rating"))
DIALECT = Dialect(",", numbered(JOKES + 1), quoting=False)


def jester_files(folder: Path) -> list[Path]:
    """The sheets in a folder, in the order of their names."""
    return sorted(file for file in folder.glob("jester-data-*") if file.suffix in {".zip", ".csv"})


def is_jester(head: bytes) -> bool:
    """Whether a text that starts with `head` is a jester sheet: its first line is a count and 100 cells."""
    try:
        cells = [float(cell) for cell in head.partition(b"\n")[0].split(b",")]
    except ValueError:
        return False
    return len(cells) == JOKES + 1 and sum(cell != NOT_RATED for cell in cells[1:]) == cells[0]


def read_jester(source: Source, options: ReadOptions) -> RatingStream:
    """Read a jester sheet (CSV, also in a zip archive), or a folder of them; users and jokes are numbered from 1.

    Raises:
        DataError: there are no sheets; also later, when a cell is no number or a row's count not the number of its ratings.
    """
    sheets = source.parts(jester_files, none="there is no jester-data-*.zip or jester-data-*.csv in this folder")
    meter = Meter(total_size(sheets))
    return RatingStream(
        batches=_batches(sheets, options, meter),
        choice=CHOICE,
        options=options,
        notes=(f"layout: jester, {len(sheets)} sheet(s)", "users are the rows and items the jokes, from 1"),
        origin=Origin(source.path),
        meter=meter,
    )


def _batches(sheets: Sequence[Source], options: ReadOptions, meter: Meter) -> Iterator[list[pa.Array]]:
    users, size = 0, 0
    for sheet in sheets:
        of_sheet = Meter()
        for cells in _cells(DelimitedText(sheet, DIALECT, block_bytes=options.block_bytes), of_sheet):
            rows, jokes = np.nonzero(cells != NOT_RATED)
            yield [pa.array(rows + users + 1), pa.array(jokes + 1), pa.array(cells[rows, jokes])]
            users += len(cells)
            meter.done = size + of_sheet.done
        size = meter.done


def _cells(text: DelimitedText, meter: Meter) -> Iterator[npt.NDArray[np.float64]]:
    """The cells of a sheet, float64 (users, 100), batch by batch."""
    first_row = 0
    for batch in text.batches(range(JOKES + 1), meter):
        origins = [Origin(text.source.name, name, text.line_of_row) for name in DIALECT.names]
        columns = [
            RatingColumn(origin).read(plain(column, origin, first_row=first_row), first_row=first_row)
            for column, origin in zip(batch, origins, strict=True)
        ]
        table = np.column_stack(columns)  # (users, 101)
        _require_counts(table, origins[0], first_row)
        yield table[:, 1:]
        first_row += len(table)


def _require_counts(table: npt.NDArray[np.float64], origin: Origin, first_row: int) -> None:
    counts = (table[:, 1:] != NOT_RATED).sum(axis=1)
    wrong = counts != table[:, 0]
    if wrong.any():
        row = int(np.argmax(wrong))
        raise origin.error(
            first_row + row,
            f"the first cell says {table[row, 0]:g} ratings, but {counts[row]} cells are not {NOT_RATED:g}",
            fix="Correct the row. If this is no jester sheet, say so: layout='delimited' (--layout).",
        )
