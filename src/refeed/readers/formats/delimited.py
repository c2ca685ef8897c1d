"""Delimited text: comma, tab, semicolon, pipe, spaces or "::", with or without a header, also compressed."""

from __future__ import annotations

from pathlib import Path

from refeed.data.rating_columns import Meter, Origin
from refeed.errors import DataError
from refeed.readers.columns.choosing import choose_columns
from refeed.readers.options import ReadOptions
from refeed.readers.source import KNOWN_NAMES, Source
from refeed.readers.stream import RatingStream
from refeed.readers.text.delimited_text import DelimitedText
from refeed.readers.text.dialect import sniff

COMPRESSED = ("", ".gz", ".bz2", ".zst")
DELIMITERS_IN_WORDS = {"\t": "tab", " ": "space"}


def read_delimited(source: Source, options: ReadOptions) -> RatingStream:
    """Read a delimited text file, compressed or not, or the one such member of a zip archive.

    Raises:
        DataError: the file cannot be read; also later, when a line is no rating.
    """
    head = source.head
    dialect = sniff(head, options, path=source.name)
    choice = choose_columns(dialect.names, options, path=source.name, by_name=dialect.has_header)
    text = DelimitedText(source, dialect, options.encoding, options.block_bytes)
    meter = Meter(source.path.stat().st_size)
    delimiter = DELIMITERS_IN_WORDS.get(dialect.delimiter, dialect.delimiter)
    header = "with a header" if dialect.has_header else "without a header"
    return RatingStream(
        batches=text.batches(choice.positions, meter),
        choice=choice,
        options=options,
        notes=(f"layout: delimited text, delimiter '{delimiter}', {header}", f"encoding: {options.encoding}", choice.note),
        origin=Origin(source.name, locate=text.line_of_row),
        parse=True,
        meter=meter,
    )


def movielens_files(folder: Path) -> list[Path]:
    """The files of ratings in a folder as MovieLens publishes it."""
    return [file for name in KNOWN_NAMES for ending in COMPRESSED if (file := folder / f"{name}{ending}").is_file()]


def read_movielens(source: Source, options: ReadOptions) -> RatingStream:
    """Read a MovieLens folder or zip archive as published (u.data, ratings.dat or ratings.csv).

    Raises:
        DataError: the folder holds none or several of these files, or what `read_delimited` raises.
    """
    if not source.path.is_dir():
        return read_delimited(source, options)
    files = movielens_files(source.path)
    if len(files) == 1:
        return read_delimited(Source(files[0]), options)
    found = f"several rating files: {', '.join(file.name for file in files)}" if files else "no rating file"
    problem = f"the folder holds {found}; expected one of {', '.join(KNOWN_NAMES)}"
    raise DataError(problem, path=source.path, fix="Give the file itself.")
