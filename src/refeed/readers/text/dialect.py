"""How a delimited text is written: its delimiter, its header and its number of columns, from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from refeed.errors import DataError, shown
from refeed.readers.columns.choosing import ROLES, usual_role
from refeed.readers.options import ReadOptions
from refeed.readers.source import HEAD

DELIMITERS = ("::", "\t", ",", ";", "|", " ")  # in the order in which they are preferred
LINES = 50  # that are looked at
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Dialect:
    """How a delimited text is written.

    Attributes:
        delimiter: one ASCII character or "::".
        names: of the columns; "1", "2", … where there is no header.
        has_header: whether the first line holds the names.
        quoting: whether a field may be in double quotes.
        runs: whether several spaces in a row count as one delimiter.
    """

    delimiter: str
    names: tuple[str, ...]
    has_header: bool = False
    quoting: bool = True
    runs: bool = False


def sniff(head: bytes, options: ReadOptions, *, path: Path) -> Dialect:
    """Find out how a delimited text of ratings is written.

    Args:
        head: the first bytes, from `Source.head`.
        options: what is given is not found out.
        path: the file, for messages.

    Raises:
        DataError: the text is empty or no text, or no delimiter gives rows of 3 or more fields.
    """
    text = _first_lines(head, options.encoding, path=path)
    best: tuple[bool, float] = (False, 0.0)  # whether there are 3 fields, and the share of the rows with the usual number
    rows, delimiter, width = [[text]], "", 0
    for candidate in DELIMITERS if options.delimiter is None else (options.delimiter,):
        split = split_rows(text, candidate) or [[text]]
        usual, count = Counter(map(len, split)).most_common(1)[0]
        if (score := (usual >= 3, count / len(split))) > best:
            best, rows, delimiter, width = score, split, candidate, usual
    if width < 3:
        raise _no_delimiter(text, width, options, path=path)
    header = _header(rows, options)
    if header is not None and len(rows) > 1 and len(header) != width:
        raise DataError(
            f"the header has {len(header)} columns, but the rows have {width}",
            path=path,
            line=1,
            fix="Correct the header, or say that there is none: header=False (--no-header).",
        )
    return Dialect(
        delimiter,
        names=header or numbered(width),
        has_header=header is not None,
        quoting=delimiter != "::",
        runs=delimiter == " " and re.search(r"(?m)^ |  | $", text) is not None,
    )


def numbered(width: int) -> tuple[str, ...]:
    """The names "1", "2", … of columns without a header."""
    return tuple(map(str, range(1, width + 1)))


def split_rows(text: str, delimiter: str) -> list[list[str]]:
    """The rows of `text` that are not empty, as fields."""
    if delimiter == "::":
        return [line.strip("\r\n").split("::") for line in io.StringIO(text, newline=None) if line != "\n"]
    if delimiter == " ":
        text = re.sub(r"(?m)^ +| +(?=\r?$)", "", re.sub(" +", " ", text))
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def _first_lines(head: bytes, encoding: str, *, path: Path) -> str:
    """The first lines that are not blank, without a line that the end of `head` cuts off."""
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    text = head[:HEAD].decode(encoding, errors="replace")
    if not text.strip():
        raise DataError("the file is empty", path=path, fix="Give a file with ratings.")
    if "\0" in text:
        raise DataError(
            "the file holds zero bytes, so it is not text in this encoding",
            path=path,
            fix="If it is text, give its encoding: encoding='utf-16' (--encoding utf-16).",
        )
    lines = text.splitlines(keepends=True)
    if len(head) > HEAD and len(lines) > 1:
        lines.pop()
    return "".join([line for line in lines if line.strip("\r\n")][:LINES])


def _header(rows: Sequence[Sequence[str]], options: ReadOptions) -> tuple[str, ...] | None:
    """The first row if it holds names: as given, or else no number, and usual names or numbers below."""
    first, *rest = rows
    if options.header is False:
        return None
    given = {getattr(options, role) for role in ROLES} | set(options.labels)
    if options.header or any(field in given and not field.isdecimal() for field in first):
        return tuple(first)
    if any(NUMBER.fullmatch(field) for field in first):
        return None
    columns = zip(*(row for row in rest if len(row) == len(first)), strict=True)
    if any(map(usual_role, first)) or any(all(map(NUMBER.fullmatch, column)) for column in columns):
        return tuple(first)
    return None


def _no_delimiter(text: str, width: int, options: ReadOptions, *, path: Path) -> DataError:
    first = shown(text.splitlines()[0])
    if options.delimiter is None:
        problem = f"no delimiter splits the first lines into 3 or more fields (user, item, rating): {first}"
        fix = "Give the one that separates the fields: delimiter='…' (--delimiter)."
    else:
        problem = (
            f"the delimiter {options.delimiter!r} splits the first lines into {width} field(s), expected 3 or more: {first}"
        )
        fix = "Give the delimiter that the file has, or leave it out to have it found: delimiter='…' (--delimiter)."
    return DataError(problem, path=path, line=1, fix=fix)
