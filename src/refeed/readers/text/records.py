"""Back from a parsed record to its file and line, for messages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from refeed.readers.text.sources import TextSource


def find_record(sources: Sequence[TextSource], number: int, *, encoding: str = "utf-8") -> tuple[Path, int]:
    """The file and the 1-based line of a record.

    Lines are only looked for once there is something to say about one, so that reading need not count them.

    Args:
        sources: the files that were read one after the other.
        number: of the record, counted from 1 over all files among the lines that are not empty, headers included. A record
            with line breaks in a quoted field counts once, and its first line is given.
        encoding: of the files.
    """
    found, line = 0, 0
    for source in sources:
        inside_quotes = False
        with source.open() as stream, io.TextIOWrapper(stream, encoding, errors="replace") as lines:
            for line, text in enumerate(lines, start=1):
                found += not inside_quotes and text != "\n"
                if found == number:
                    return source.name, line
                inside_quotes ^= bool(text.count('"') % 2)
    raise ValueError(f"there are only {found} records, asked for number {number}")
