"""Folders of the paper's original program: *.txt files of user, item and rating between tabs, without a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from refeed.readers.columns.choosing import Choice
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import Meter, RatingStream
from refeed.readers.text.csv_stream import RaggedRow, parse, ragged_error
from refeed.readers.text.records import find_record
from refeed.readers.text.sources import TextSource, required_files
from refeed.readers.text.streams import open_in_sequence, size_of

CHOICE = Choice(0, 1, 2, None, {}, ("user", "item", "rating"))


def triplet_files(folder: Path) -> list[Path]:
    """The *.txt files of a folder in the order of their names, without a README; empty unless the first holds triplets."""
    files = sorted(file for file in folder.glob("*.txt") if not file.name.lower().startswith("readme"))
    if not files:
        return []
    with files[0].open("rb") as file:
        return files if file.readline().count(b"\t") == 2 else []


def read_triplets(path: Path, options: ReadOptions) -> RatingStream:
    """Read all triplet files of a folder, or one such file.

    Raises:
        DataError: there are no such files; also later, when a line is no triplet.
    """
    none = "there are no *.txt files of user, item and rating between tabs in this folder"
    files = required_files(path, triplet_files, none=none)
    sources = [TextSource(file) for file in files]
    meter = Meter(size_of(sources))
    return RatingStream(
        batches=_batches(sources, meter),
        choice=CHOICE,
        parse=True,
        notes=(f"layout: triplets, {len(files):,} file(s)", "columns: user, item, rating by position"),
        path=path,
        locate=lambda row: find_record(sources, row + 1),
        meter=meter,
    )


def _batches(sources: Sequence[TextSource], meter: Meter) -> Iterator[list[pa.Array]]:
    ragged = RaggedRow()
    with open_in_sequence(sources, meter) as stream:
        try:
            yield from parse(stream, width=3, columns=range(3), delimiter="\t", quoting=False, skip=0, on_ragged=ragged)
        except pa.ArrowInvalid:
            if ragged.row is None:
                raise
            file, line = find_record(sources, ragged.row.number)
            raise ragged_error(ragged.row, expected=3, path=file, line=line) from None
