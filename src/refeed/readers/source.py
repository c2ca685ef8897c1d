"""A file of ratings as bytes: plain, compressed (gzip, bzip2, Zstandard) or inside a zip archive, read in place."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from refeed.errors import DataError

HEAD = 1 << 17  # bytes; the largest field that Python's csv module takes by default
CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
ZIP = b"PK\x03\x04"
KNOWN_NAMES = ("ratings.csv", "ratings.dat", "u.data", "ratings.tsv", "ratings.txt")
TEXT_ENDINGS = {".csv", ".tsv", ".dat", ".data", ".txt"}
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""What reading a file raises, to be turned into a DataError by `unreadable`."""


@dataclass
class Source:
    """A file or folder; a file is opened once, to be recognised by its head and then read from its start.

    Attributes:
        path: the file or folder.
        file: the open file, as pyarrow has it; None until it is needed, and once it is closed.
        member: the name of what is read if the file is a zip archive; None until it is opened.
    """

    path: Path
    file: Any = None
    member: str | None = None
    _streams: list[Any] = field(default_factory=list)  # pyarrow closes the file when a stream over it is dropped

    @property
    def name(self) -> Path:
        """The path for messages; the member of an archive is named like a file in a folder."""
        return self.path if self.member is None else self.path / self.member

    @property
    def paths(self) -> list[Path]:
        """The file, as `ChainedFiles.paths` are several."""
        return [self.path]

    @cached_property
    def head(self) -> bytes:
        """The first bytes, decompressed: up to one more than HEAD, so that more than HEAD are not all there are.

        Raises:
            DataError: there is no such file, or it cannot be read.
        """
        try:
            return bytes(self.stream().read(HEAD + 1))
        except UNREADABLE as error:
            raise unreadable(error, self.name) from error

    def stream(self) -> Any:
        """The decompressed bytes from the start, as a pyarrow file.

        Raises:
            OSError, zipfile.BadZipFile, …: one of UNREADABLE; also later, where it is damaged.
            DataError: a zip archive holds no or several files that look like ratings.
        """
        if self.file is None:
            self.file = pa.PythonFile(self.path.open("rb", buffering=0), mode="r")  # the parser reads whole blocks
        self.file.seek(0)
        magic = self.file.read(4)
        self.file.seek(0)
        if magic == ZIP:
            archive = zipfile.ZipFile(self.file)
            self.member = self.member or _ratings_member(archive.namelist(), self.path)
            return pa.PythonFile(archive.open(self.member), mode="r")
        codec = next((name for start, name in CODECS.items() if magic.startswith(start)), None)
        if codec is None:
            return self.file
        self._streams.append(pa.CompressedInputStream(self.file, codec))
        return self._streams[-1]

    def parts(self, find: Callable[[Path], list[Path]], *, none: str) -> list[Source]:
        """The source itself, or the files that `find` finds in this folder.

        Raises:
            DataError: it finds none; the message is `none`.
        """
        if not self.path.is_dir():
            return [self]
        paths = find(self.path)
        if not paths:
            raise DataError(none, path=self.path, fix="Give the file or folder with the ratings.")
        return [Source(path) for path in paths]

    def close(self) -> None:
        """Close the file, if it is open."""
        if self.file is not None:
            self.file.close()
            self.file = None
            self._streams.clear()


def total_size(sources: Sequence[Source]) -> int:
    """The bytes of all files on disk.

    Raises:
        DataError: one of them cannot be read.
    """
    total = 0
    for source in sources:
        try:
            total += source.path.stat().st_size
        except OSError as error:
            raise unreadable(error, source.path) from error
    return total


def unreadable(error: BaseException, path: Path) -> DataError:
    """The error to raise for one of UNREADABLE that the file at `path` caused."""
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file or folder", path=path, fix="Check the path.")
    if isinstance(error, PermissionError):
        reason = os.strerror(error.errno or 0)
        return DataError(f"cannot be read ({reason})", path=path, fix="Check the permissions of the file.")
    reason = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, RuntimeError | NotImplementedError):
        return DataError(f"cannot be unpacked ({reason})", path=path, fix="Unpack it and give the file in it.")
    return DataError(f"the file is damaged or cut off ({reason})", path=path, fix="Download or copy the file again.")


def _ratings_member(names: list[str], path: Path) -> str:
    """The one member of a zip archive with a known name, or else the one text in it."""
    files = [
        name
        for name in names
        if not name.endswith("/") and "__MACOSX" not in name and not PurePosixPath(name).name.startswith(".")
    ]
    texts = [
        name
        for name in files
        if PurePosixPath(name).suffix.lower() in TEXT_ENDINGS
        and not re.match(r"readme|license", PurePosixPath(name).name.lower())
    ]
    known = ([name for name in files if PurePosixPath(name).name.lower() == usual] for usual in KNOWN_NAMES)
    members = next(filter(None, known), texts)
    if len(members) == 1:
        return members[0]
    if members:
        listed = ", ".join(sorted(members)[:10]) + (f" and {len(members) - 10} more" if len(members) > 10 else "")
        problem = f"the archive holds several files that may be the ratings: {listed}"
    else:
        problem = f"the archive holds no text file of ratings (such as {', '.join(KNOWN_NAMES[:3])})"
    raise DataError(problem, path=path, fix="Unpack it and give the file that holds the ratings.")
