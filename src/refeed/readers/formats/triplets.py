"""Folders of the paper's original program: *.txt files of user, item and rating between tabs, without a header."""

from __future__ import annotations

from pathlib import Path

from refeed.data.rating_columns import Meter, Origin
from refeed.readers.columns.choosing import ColumnChoice
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source, total_size
from refeed.readers.stream import RatingStream
from refeed.readers.text.delimited_text import DelimitedText
from refeed.readers.text.dialect import Dialect
from refeed.readers.text.streams import chained

DIALECT = Dialect("\t", ("user", "item", "rating"), quoting=False)
CHOICE = ColumnChoice(DIALECT.names)


def triplet_files(folder: Path) -> list[Path]:
    """The *.txt files of a folder in the order of their names, without a README; empty unless the first holds triplets."""
    files = sorted(file for file in folder.glob("*.txt") if not file.name.lower().startswith("readme"))
    if not files:
        return []
    with files[0].open("rb") as file:
        return files if file.readline().count(b"\t") == 2 else []


def read_triplets(source: Source, options: ReadOptions) -> RatingStream:
    """Read all triplet files of a folder, or one such file.

    Raises:
        DataError: there are no such files; also later, when a line is no triplet.
    """
    none = "there are no *.txt files of user, item and rating between tabs in this folder"
    files = source.parts(triplet_files, none=none)
    text, meter = DelimitedText(chained(files), DIALECT, block_bytes=options.block_bytes), Meter(total_size(files))
    return RatingStream(
        batches=text.batches(CHOICE.positions, meter),
        choice=CHOICE,
        options=options,
        notes=(f"layout: triplets, {len(files):,} file(s)", "columns: user, item, rating by position"),
        origin=Origin(source.path, locate=text.line_of_row),
        parse=True,
        meter=meter,
    )
