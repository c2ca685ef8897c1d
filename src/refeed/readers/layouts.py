"""The layouts of files and folders: what each is called, how it is recognised, and who reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from refeed.config import nearest
from refeed.errors import ConfigError, DataError
from refeed.readers.formats.delimited import read_delimited
from refeed.readers.formats.jester import is_jester, jester_files, read_jester
from refeed.readers.formats.netflix import netflix_files, read_netflix
from refeed.readers.formats.tables import read_arrow, read_parquet
from refeed.readers.formats.triplets import read_triplets, triplet_files
from refeed.readers.options import ReadOptions
from refeed.readers.rating_stream import RatingStream
from refeed.readers.text.sources import KNOWN_NAMES, first_bytes, readable, text_source

COMPRESSED = ("", ".gz", ".bz2", ".zst")


def read_movielens(path: Path, options: ReadOptions) -> RatingStream:
    """Read a MovieLens folder or zip archive as published (u.data, ratings.dat or ratings.csv).

    Raises:
        DataError: the folder holds none or several of these files, or what `read_delimited` raises.
    """
    if not path.is_dir():
        return read_delimited(path, options)
    files = _movielens_files(path)
    if len(files) != 1:
        found = f"several rating files: {', '.join(file.name for file in files)}" if files else "no rating file"
        expected = ", ".join(KNOWN_NAMES)
        raise DataError(f"the folder holds {found}; expected one of {expected}", path=path, fix="Give the file itself.")
    return read_delimited(files[0], options)


LAYOUTS: Mapping[str, Callable[[Path, ReadOptions], RatingStream]] = {
    "delimited": read_delimited,
    "movielens": read_movielens,
    "netflix": read_netflix,
    "triplets": read_triplets,
    "jester": read_jester,
    "parquet": read_parquet,
    "arrow": read_arrow,
}
FIXED_COLUMNS = frozenset({"netflix", "triplets", "jester"})


def open_path(path: Path, options: ReadOptions, *, layout: str | None) -> RatingStream:
    """A stream of the ratings in a file or folder.

    Args:
        path: the file or folder.
        options: what the person said.
        layout: one of `LAYOUTS`, or None to recognise it.

    Raises:
        ConfigError: an unknown layout, or options that the layout has no use for.
        DataError: there is nothing to read, or what is there cannot be read; also later, at a row that cannot.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ConfigError(f"layout: '{layout}' is unknown{nearest(layout, LAYOUTS)}")
    if layout is None:
        layout = recognise(path)
    if layout in FIXED_COLUMNS and replace(options, scale=None) != ReadOptions():
        raise ConfigError(
            f"{path}: the layout '{layout}' has fixed columns; options for columns, delimiter, header and encoding "
            "do not apply (layout='delimited' reads a text file column by column)"
        )
    if path.is_dir() and layout in {"delimited", "arrow"}:
        raise DataError(f"the layout '{layout}' is one of files, but this is a folder", path=path, fix="Give a file in it.")
    return LAYOUTS[layout](path, options)


def recognise(path: Path) -> str:
    """The layout of a file by its first bytes, or of a folder by the names of its files.

    Raises:
        DataError: the file cannot be read, or the folder holds nothing known or several data sets.
    """
    with readable(path):
        return _recognise_folder(path) if path.is_dir() else _recognise_file(path)


def _recognise_file(path: Path) -> str:
    magic = first_bytes(path, 6)
    if magic.startswith(b"PAR1"):
        return "parquet"
    if magic == b"ARROW1" or magic.startswith(b"\xff\xff\xff\xff"):
        return "arrow"
    head, _ = text_source(path).head()
    if re.match(rb"(\xef\xbb\xbf)?\s*\d+:\r?\n", head):
        return "netflix"
    return "jester" if is_jester(head) else "delimited"


def _recognise_folder(folder: Path) -> str:
    files = {
        "movielens": _movielens_files(folder),
        "netflix": netflix_files(folder),
        "jester": jester_files(folder),
        "parquet": sorted(folder.glob("*.parquet")),
    }
    found = [layout for layout, paths in files.items() if paths] or (["triplets"] if triplet_files(folder) else [])
    if len(found) == 1:
        return found[0]
    known = "ratings.csv, ratings.dat, u.data, *.parquet, training_set/mv_*.txt, combined_data_*.txt, jester-data-*.zip"
    if not found:
        there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) or "nothing"
        problem = f"the folder holds no ratings in a known layout ({known}, or *.txt triplets); it holds {there}"
        raise DataError(problem, path=folder, fix="Give the file with the ratings.")
    names = ", ".join(files[layout][0].name for layout in found)
    problem = f"the folder holds ratings in several layouts ({', '.join(found)}: {names}, …)"
    raise DataError(problem, path=folder, fix=f"Say which: layout='{found[0]}' (--layout), or give the file.")


def _movielens_files(folder: Path) -> list[Path]:
    return [file for name in KNOWN_NAMES for ending in COMPRESSED if (file := folder / f"{name}{ending}").is_file()]
