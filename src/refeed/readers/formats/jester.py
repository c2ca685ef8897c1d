"""The jester sheets: a row for each user with the number of ratings, then a cell for each of 100 jokes (99: not rated)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.readers.columns.choosing import Choice
from refeed.readers.columns.places import Place
from refeed.readers.columns.texts import decoded
from refeed.readers.columns.values import RatingColumn
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter, RatingStream
from refeed.readers.text.csv_stream import RaggedRow, parse, ragged_error
from refeed.readers.text.records import find_record
from refeed.readers.text.sources import TextSource, required_files, text_source
from refeed.readers.text.streams import size_of

JOKES = 100
NOT_RATED = 99.0
CHOICE = Choice(0, 1, 2, None, {}, ("user", "joke", "rating"))


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


def read_jester(path: Path, options: ReadOptions) -> RatingStream:
    """Read a jester sheet (CSV, also in a zip archive), or a folder of them; users and jokes are numbered from 1.

    Raises:
        DataError: there are no sheets; also later, when a cell is no number or a row's count not the number of its ratings.
    """
    files = required_files(path, jester_files, none="there is no jester-data-*.zip or jester-data-*.csv in this folder")
    sources = [text_source(file) for file in files]
    meter = Meter(size_of(sources))
    return RatingStream(
        batches=_batches(sources, meter),
        choice=CHOICE,
        parse=False,
        notes=(f"layout: jester, {len(files)} sheet(s)", "users are the rows and items the jokes, from 1"),
        path=path,
        locate=None,
        meter=meter,
    )


def _batches(sources: Sequence[TextSource], meter: Meter) -> Iterator[list[pa.Array]]:
    users = 0
    for source in sources:
        for cells in _sheet(source, meter):
            rows, jokes = np.nonzero(cells != NOT_RATED)
            yield [pa.array(rows + users + 1), pa.array(jokes + 1), pa.array(cells[rows, jokes])]
            users += len(cells)


def _sheet(source: TextSource, meter: Meter) -> Iterator[npt.NDArray[np.float64]]:
    """The cells of a sheet, float64 (users, 100), batch by batch."""
    ragged = RaggedRow()

    def locate(row: int) -> tuple[Path, int]:
        return find_record([source], row + 1)

    places = [Place(source.name, str(column + 1), locate) for column in range(JOKES + 1)]
    first_row = 0
    with source.open(meter) as stream:
        try:
            for batch in parse(
                stream,
                width=JOKES + 1,
                columns=range(JOKES + 1),
                delimiter=",",
                quoting=False,
                skip=0,
                on_ragged=ragged,
            ):
                columns = [
                    RatingColumn(place).read(decoded(column, place=place, first_row=first_row), first_row=first_row)
                    for column, place in zip(batch, places, strict=True)
                ]
                table = np.column_stack(columns)  # (users, 101)
                _require_counts(table, places[0], first_row)
                yield table[:, 1:]
                first_row += len(table)
        except pa.ArrowInvalid:
            if ragged.row is None:
                raise
            file, line = find_record([source], ragged.row.number)
            raise ragged_error(ragged.row, expected=JOKES + 1, path=file, line=line) from None


def _require_counts(table: npt.NDArray[np.float64], place: Place, first_row: int) -> None:
    counts = (table[:, 1:] != NOT_RATED).sum(axis=1)
    wrong = counts != table[:, 0]
    if wrong.any():
        row = int(np.argmax(wrong))
        raise place.error(
            first_row + row,
            f"the first cell says {table[row, 0]:g} ratings, but {counts[row]} cells are not {NOT_RATED:g}",
            fix="Correct the row. If this is no jester sheet, say so: layout='delimited' (--layout).",
        )
