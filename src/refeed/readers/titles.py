"""Titles of items: from the files that come with rating data sets, or any CSV of ids and titles."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from refeed.data.vocabulary import Vocabulary
from refeed.errors import DataError
from refeed.readers.columns.choosing import SIGNS, USUAL_NAMES
from refeed.readers.source import unreadable

KNOWN_FILES = ("movies.dat", "movies.csv", "u.item", "movie_titles.txt", "movie_titles.csv")
TITLE_NAMES = frozenset({"title", "name", "movietitle", "booktitle", "producttitle", "itemtitle", "itemname", "moviename"})
ITEM_NAMES = USUAL_NAMES["item"] | {"id"}


def read_titles(path: str | Path) -> dict[str, str]:
    """The titles in a file, by item id as text.

    Args:
        path: movies.dat ("::"), u.item ("|"), Netflix's movie_titles (id, year, title), or a CSV whose header names an item
            and a title column; or a folder with one of these. Text is UTF-8, or else Latin-1.

    Raises:
        DataError: there is no such file, a line has no title, or an id has two titles.
    """
    file = _title_file(Path(path))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise unreadable(error, file) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    titles: dict[str, str] = {}
    for line, id_, title in _entries(text, file):
        if titles.setdefault(id_, title) != title:
            raise DataError(
                f"item '{id_}' has two titles, '{titles[id_]}' and '{title}'", path=file, line=line, fix="Remove one of them."
            )
    return titles


def titles_for(vocabulary: Vocabulary, path: str | Path) -> list[str | None]:
    """The title of each item of `vocabulary`, in its order; None where the file has none. Ids are compared as texts.

    Raises:
        DataError: as `read_titles`.
    """
    titles = read_titles(path)
    return [titles.get(str(id_)) for id_ in vocabulary.decode(range(len(vocabulary)))]


def _title_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = [path / name for name in KNOWN_FILES if (path / name).is_file()]
    if len(files) == 1:
        return files[0]
    problem = f"the folder holds several files of titles: {', '.join(f.name for f in files)}" if files else "no titles here"
    raise DataError(f"{problem}; expected one of {', '.join(KNOWN_FILES)}", path=path, fix="Give the file itself.")


def _entries(text: str, path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, id and title of each entry; the first line tells which kind of file it is."""
    first = text.partition("\n")[0]
    if re.match(r"[^,:]+::", first):
        return _split_lines(text, "::", title=1, path=path)
    if first.count("|") >= 20:
        return _split_lines(text, "|", title=1, path=path)
    if re.match(r"\d+,(\d{4}|NULL),", first):
        return _split_lines(text, ",", title=2, path=path)
    return _csv_entries(text, path)


def _split_lines(text: str, delimiter: str, *, title: int, path: Path) -> Iterator[tuple[int, str, str]]:
    """Entries whose title is field number `title` (from 0); Netflix's titles, the last field, may hold the delimiter."""
    splits = title if delimiter == "," else -1
    for line, row in enumerate(io.StringIO(text), start=1):
        fields = row.rstrip("\r\n").split(delimiter, splits)
        if fields == [""]:
            continue
        if len(fields) <= title:
            raise DataError(
                f"expected an id and a title separated by '{delimiter}', got '{row.strip()[:60]}'",
                path=path,
                line=line,
                fix="Correct or remove the line.",
            )
        yield line, fields[0], fields[title]


def _csv_entries(text: str, path: Path) -> Iterator[tuple[int, str, str]]:
    first = text.partition("\n")[0]
    delimiter = max(",\t;|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = next(reader, [])
    names = [SIGNS.sub("", name.lower()) for name in header]
    item, title = (_column(names, usual, header, path) for usual in (ITEM_NAMES, TITLE_NAMES))
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"expected {len(header)} fields, found {len(row)}", path=path, line=reader.line_num, fix="Correct the line."
            )
        yield reader.line_num, row[item], row[title]


def _column(names: Sequence[str], usual: frozenset[str], header: Sequence[str], path: Path) -> int:
    found = [position for position, name in enumerate(names) if name in usual]
    if len(found) == 1:
        return found[0]
    problem = "several columns" if found else "no column"
    raise DataError(
        f"{problem} with one of the names {', '.join(sorted(usual))}; the columns are {', '.join(header) or 'none'}",
        path=path,
        line=1,
        fix="Rename the column of item ids to 'item' and the column of titles to 'title'.",
    )
