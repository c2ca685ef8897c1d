"""The layouts of files and folders: what each is called, how it is recognised, and who reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from refeed.config import nearest
from refeed.errors import ConfigError, DataError
from refeed.readers.formats.delimited import movielens_files, read_delimited, read_movielens
from refeed.readers.formats.jester import JOKES, is_jester, jester_files, read_jester
from refeed.readers.formats.netflix import netflix_files, read_netflix
from refeed.readers.formats.tables import parquet_files, read_arrow, read_parquet
from refeed.readers.formats.triplets import read_triplets, triplet_files
from refeed.readers.options import ReadOptions
from refeed.readers.source import Source, unreadable
from refeed.readers.stream import RatingStream


@dataclass(frozen=True)
class Layout:
    """A way in which ratings lie in files.

    Attributes:
        read: opens a source of this layout.
        files: the files of this layout in a folder; None for a layout of single files.
        fixed_columns: whether all is known, so that options for columns, delimiter, header and encoding do not apply.
    """

    read: Callable[[Source, ReadOptions], RatingStream]
    files: Callable[[Path], list[Path]] | None = None
    fixed_columns: bool = False


LAYOUTS: Mapping[str, Layout] = {
    "delimited": Layout(read_delimited),
    "movielens": Layout(read_movielens, movielens_files),
    "netflix": Layout(read_netflix, netflix_files, fixed_columns=True),
    "triplets": Layout(read_triplets, triplet_files, fixed_columns=True),
    "jester": Layout(read_jester, jester_files, fixed_columns=True),
    "parquet": Layout(read_parquet, parquet_files),
    "arrow": Layout(read_arrow),
}


def read_layout(source: Source, options: ReadOptions, *, layout: str | None) -> RatingStream:
    """A stream of the ratings in a file or folder.

    Args:
        source: the file or folder.
        options: what is given.
        layout: one of `LAYOUTS`, or None to recognise it.

    Raises:
        ConfigError: an unknown layout, or options that do not apply to the layout.
        DataError: there is nothing to read, or what is there cannot be read; also later, at a row that cannot.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ConfigError(f"layout: '{layout}' is unknown{nearest(layout, LAYOUTS)}")
    layout = layout or recognise(source)
    if LAYOUTS[layout].fixed_columns:
        defaults = ReadOptions(scale=options.scale, block_rows=options.block_rows, block_bytes=options.block_bytes)
        if options != defaults:
            raise ConfigError(
                f"{source.path}: the layout '{layout}' has fixed columns; options for columns, delimiter, header and encoding "
                "do not apply (layout='delimited' reads a text file column by column)"
            )
    if LAYOUTS[layout].files is None and source.path.is_dir():
        problem = f"the layout '{layout}' is one of files, but this is a folder"
        raise DataError(problem, path=source.path, fix="Give a file in it.")
    return LAYOUTS[layout].read(source, options)


def recognise(source: Source) -> str:
    """The layout of a file by its first bytes, or of a folder by the names of its files.

    Raises:
        DataError: the file cannot be read, or the folder holds nothing known or several data sets.
    """
    if source.path.is_dir():
        try:
            return _recognise_folder(source.path)
        except OSError as error:
            raise unreadable(error, source.path) from error
    head = source.head
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if re.match(rb"(\xef\xbb\xbf)?\s*\d+:\r?\n", head):
        return "netflix"
    return "jester" if head.partition(b"\n")[0].count(b",") == JOKES and is_jester(head) else "delimited"


def _recognise_folder(folder: Path) -> str:
    files = {name: layout.files(folder) for name, layout in LAYOUTS.items() if layout.files and name != "triplets"}
    found = [name for name, paths in files.items() if paths] or (["triplets"] if triplet_files(folder) else [])
    if len(found) == 1:
        return found[0]
    known = "ratings.csv, ratings.dat, u.data, *.parquet, training_set/mv_*.txt, combined_data_*.txt, jester-data-*.zip"
    if not found:
        there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:10]) or "nothing"
        problem = f"the folder holds no ratings in a known layout ({known}, or *.txt triplets); it holds {there}"
        raise DataError(problem, path=folder, fix="Give the file with the ratings.")
    names = ", ".join(files[name][0].name for name in found)
    problem = f"the folder holds ratings in several layouts ({', '.join(found)}: {names}, …)"
    raise DataError(problem, path=folder, fix=f"Name one: layout='{found[0]}' (--layout), or give the file.")
