"""Files to bytes: plain, compressed (gzip, bzip2, Zstandard) or inside a zip archive, all read in place."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow as pa

from refeed.errors import DataError
from refeed.readers.rating_stream import Meter

HEAD = 1 << 17  # bytes; the largest field that Python's csv module takes by default
CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
KNOWN_NAMES = ("ratings.csv", "ratings.dat", "u.data", "ratings.tsv", "ratings.txt")
TEXT_ENDINGS = {".csv", ".tsv", ".dat", ".data", ".txt"}


def required_files(path: Path, files_in: Callable[[Path], list[Path]], *, none: str) -> list[Path]:
    """The file at `path`, or those that `files_in` finds in the folder there.

    Raises:
        DataError: it finds none; the message is `none`.
    """
    files = files_in(path) if path.is_dir() else [path]
    if not files:
        raise DataError(none, path=path, fix="Give the file or folder with the ratings.")
    return files


class MeteredFile(io.FileIO):
    """A file whose bytes are counted as they are read.

    Args:
        path: the file.
        meter: counts them.
    """

    def __init__(self, path: Path, meter: Meter) -> None:
        super().__init__(path)
        self._meter = meter

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer`."""
        count = super().readinto(buffer)
        self._meter.done += count
        return count


@dataclass(frozen=True)
class TextSource:
    """A text file, or a member of a zip archive.

    Attributes:
        path: the file on disk.
        member: the member's name if the file is a zip archive.
    """

    path: Path
    member: str | None = None

    @property
    def name(self) -> Path:
        """The path for messages; a member is named like a file in a folder."""
        return self.path if self.member is None else self.path / self.member

    @contextmanager
    def open(self, meter: Meter | None = None) -> Iterator[BinaryIO]:
        """The decompressed bytes as a stream; `meter` counts the bytes read from the disk.

        Raises:
            DataError: the file is absent, unreadable, damaged or cut off; also when that shows up later, while reading.
        """
        with readable(self.name), io.BufferedReader(MeteredFile(self.path, meter or Meter())) as file:
            if self.member is not None:
                with zipfile.ZipFile(file) as archive, archive.open(self.member) as stream:
                    yield cast(BinaryIO, stream)
                return
            start = first_bytes(self.path, 4)
            codec = next((name for magic, name in CODECS.items() if start.startswith(magic)), None)
            if codec is None:
                yield file
            else:
                with pa.CompressedInputStream(file, codec) as stream:
                    yield stream

    def head(self) -> tuple[bytes, bool]:
        """The first bytes (at most 128 KiB), and whether they are everything."""
        with self.open() as stream:
            data = stream.read(HEAD + 1)
        return data[:HEAD], len(data) <= HEAD


def text_source(path: Path) -> TextSource:
    """The text in `path`: the file itself, or the one member of a zip archive that looks like ratings.

    Raises:
        DataError: the zip archive is damaged, or holds no or several such members.
    """
    with readable(path):
        if first_bytes(path, 4) != b"PK\x03\x04":
            return TextSource(path)
        with zipfile.ZipFile(path) as archive:
            return TextSource(path, _ratings_member(archive.namelist(), path))


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, as they are on disk."""
    with path.open("rb") as file:
        return file.read(count)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file's bytes into a DataError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise DataError("there is no such file or folder", path=path, fix="Check the path.") from None
    except PermissionError as error:
        raise DataError(f"cannot be read ({error.strerror})", path=path, fix="Check the permissions of the file.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(
            f"the file is damaged or cut off ({_reason(error)})", path=path, fix="Download or copy the file again."
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"cannot be unpacked ({_reason(error)})", path=path, fix="Unpack it and give the file in it."
        ) from error


def _ratings_member(names: list[str], path: Path) -> str:
    files = [
        name
        for name in names
        if not name.endswith("/") and "__MACOSX" not in name and not PurePosixPath(name).name.startswith(".")
    ]
    for known in KNOWN_NAMES:
        members = [name for name in files if PurePosixPath(name).name.lower() == known]
        if members:
            return _only(members, path)
    texts = [name for name in files if PurePosixPath(name).suffix.lower() in TEXT_ENDINGS]
    return _only([name for name in texts if not re.match(r"readme|license", PurePosixPath(name).name.lower())], path)


def _only(members: list[str], path: Path) -> str:
    if len(members) == 1:
        return members[0]
    if not members:
        raise DataError(
            f"the archive holds no text file of ratings (such as {', '.join(KNOWN_NAMES[:3])})",
            path=path,
            fix="Unpack it and give the file that holds the ratings.",
        )
    shown = ", ".join(sorted(members)[:10]) + (f" and {len(members) - 10} more" if len(members) > 10 else "")
    raise DataError(
        f"the archive holds several files that may be the ratings: {shown}",
        path=path,
        fix="Unpack it and give the file that holds the ratings.",
    )


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
