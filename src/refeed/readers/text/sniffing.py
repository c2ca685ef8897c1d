"""How a delimited text is written: its delimiter, its header and its number of columns, from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from refeed.errors import DataError
from refeed.readers.columns.choosing import is_usual_name
from refeed.readers.columns.places import shown
from refeed.readers.options import ReadOptions

DELIMITERS = ("::", "\t", ",", ";", "|", " ")  # in the order in which they are preferred
LINES = 50  # that are looked at
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
NAMES = {"\t": "tab", " ": "space"}


@dataclass(frozen=True)
class Dialect:
    """How a delimited text is written.

    Attributes:
        delimiter: one character or "::".
        width: number of fields of a row.
        header: names of the columns, or None where the first line is data.
        runs: whether several spaces in a row count as one delimiter.
    """

    delimiter: str
    width: int
    header: tuple[str, ...] | None
    runs: bool

    @property
    def note(self) -> str:
        """The dialect in words."""
        header = "with a header" if self.header is not None else "without a header"
        return f"layout: delimited text, delimiter '{NAMES.get(self.delimiter, self.delimiter)}', {header}"


def sniff(head: bytes, options: ReadOptions, *, complete: bool, path: Path) -> Dialect:
    """The dialect of a text that starts with `head`.

    Args:
        head: the first bytes.
        options: what the person said; said things are not sniffed.
        complete: whether `head` is the whole text.
        path: the file, for messages.

    Raises:
        DataError: the text is empty or no text, or no delimiter gives rows of 3 or more fields.
    """
    text = _first_lines(head, options.encoding, complete=complete, path=path)
    candidates = DELIMITERS if options.delimiter is None else (options.delimiter,)
    tables = {delimiter: split_rows(text, delimiter) for delimiter in candidates}
    widths = {delimiter: _common_width(rows) for delimiter, rows in tables.items()}
    delimiter = max(candidates, key=lambda candidate: (widths[candidate][0] >= 3, widths[candidate][1]))
    width, _ = widths[delimiter]
    if width < 3:
        raise _no_delimiter(text, width, options, path=path)
    rows = tables[delimiter]
    header = _header(rows, options)
    if header is not None and len(rows) > 1 and len(header) != width:
        raise DataError(
            f"the header has {len(header)} columns, but the rows have {width}",
            path=path,
            line=1,
            fix="Correct the header, or say that there is none: header=False (--no-header).",
        )
    runs = delimiter == " " and re.search(r"(?m)^ |  | $", text) is not None
    return Dialect(delimiter, width if header is None else len(header), header, runs)


def split_rows(text: str, delimiter: str) -> list[list[str]]:
    """The rows of `text` that are not empty, as fields."""
    lines = io.StringIO(text, newline="")
    if delimiter == "::":
        return [line.strip("\r\n").split("::") for line in io.StringIO(text, newline=None) if line != "\n"]
    if delimiter == " ":
        text = re.sub(r"(?m)^ +| +(?=\r?$)", "", re.sub(" +", " ", text))
        lines = io.StringIO(text, newline="")
    return [row for row in csv.reader(lines, delimiter=delimiter) if row]


def _first_lines(head: bytes, encoding: str, *, complete: bool, path: Path) -> str:
    text = head.decode("utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding, errors="replace")
    if not text.strip():
        raise DataError("the file is empty", path=path, fix="Give a file with ratings.")
    if "\0" in text:
        raise DataError(
            "the file holds zero bytes, so it is not text in this encoding",
            path=path,
            fix="If it is text, say its encoding: encoding='utf-16' (--encoding utf-16).",
        )
    lines = text.splitlines(keepends=True)
    if not complete and len(lines) > 1:
        lines.pop()
    return "".join([line for line in lines if line.strip("\r\n")][:LINES])


def _common_width(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """The most common number of fields, and the share of the rows that have it."""
    width, count = Counter(len(row) for row in rows).most_common(1)[0]
    return width, count / len(rows)


def _header(rows: Sequence[Sequence[str]], options: ReadOptions) -> tuple[str, ...] | None:
    """The first row if it holds names: as said, or else no number, and usual names or numbers below."""
    first, *rest = rows
    if options.header is False:
        return None
    said = {*options.given_columns().values(), *options.labels}
    if options.header or any(field in said and not field.isdecimal() for field in first):
        return tuple(first)
    if any(NUMBER.fullmatch(field) for field in first):
        return None
    columns = zip(*(row for row in rest if len(row) == len(first)), strict=True)
    if any(is_usual_name(field) for field in first) or any(all(map(NUMBER.fullmatch, column)) for column in columns):
        return tuple(first)
    return None


def _no_delimiter(text: str, width: int, options: ReadOptions, *, path: Path) -> DataError:
    first = shown(text.splitlines()[0])
    if options.delimiter is None:
        problem = f"no delimiter splits the first lines into 3 or more fields (user, item, rating): {first}"
        fix = "Say what separates the fields: delimiter='…' (--delimiter)."
    else:
        problem = (
            f"the delimiter {options.delimiter!r} splits the first lines into {width} field(s), expected 3 or more: {first}"
        )
        fix = "Give the delimiter that the file has, or leave it out to have it found: delimiter='…' (--delimiter)."
    return DataError(problem, path=path, line=1, fix=fix)
