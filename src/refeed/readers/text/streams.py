"""Byte streams in front of the CSV parser: several files as one, and lines rewritten on the way."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from refeed.readers.rating_stream import Meter
from refeed.readers.text.sources import TextSource, readable

BLOCK = 1 << 20
UNIT_SEPARATOR = b"\x1f"  # the ASCII sign for this purpose, which no text holds


class ChainedFiles(io.RawIOBase):
    """The bytes of several files, one after the other; each ends with a line break, also where the file does not.

    Args:
        paths: the files, in order.
        meter: counts the bytes.
    """

    def __init__(self, paths: Sequence[Path], meter: Meter) -> None:
        super().__init__()
        self._waiting = list(reversed(paths))
        self._meter = meter
        self._file: BinaryIO | None = None
        self._last = b"\n"

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, from as many files as it takes."""
        view, filled = memoryview(buffer), 0
        while filled < len(view):
            if self._file is None:
                if not self._waiting:
                    break
                self._file = self._waiting.pop().open("rb", buffering=0)
            count = self._file.readinto(view[filled:])  # type: ignore[attr-defined]
            if count:
                self._last = bytes(view[filled + count - 1 : filled + count])
                filled += count
                continue
            self._file.close()
            self._file = None
            if self._last not in b"\r\n":
                self._last = view[filled : filled + 1] = b"\n"
                filled += 1
        self._meter.done += filled
        return filled

    def close(self) -> None:
        """Close the current file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


class RewrittenLines(io.RawIOBase):
    """A stream of text with its lines rewritten, many whole lines at a time.

    Args:
        stream: the bytes in an encoding that keeps ASCII.
        rewrite: takes and gives whole lines.
    """

    def __init__(self, stream: BinaryIO, rewrite: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._stream, self._rewrite = stream, rewrite
        self._pending = b""
        self._ready = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with rewritten lines."""
        while not self._ready:
            block = self._stream.read(BLOCK)
            lines, newline, rest = (self._pending + block).rpartition(b"\n")
            self._pending = rest if block else b""
            self._ready = self._rewrite(lines + newline if block else rest)
            if not block and not self._ready:
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def single_spaced(lines: bytes) -> bytes:
    """The lines with each run of spaces as one space, and none at either end of a line."""
    return re.sub(rb"(?m)^ | (?=\r?$)", b"", re.sub(rb" +", b" ", lines))


def unit_separated(lines: bytes) -> bytes:
    """The lines with a single byte for each "::", so that a field may hold a ":"."""
    return lines.replace(b"::", UNIT_SEPARATOR)


@contextmanager
def open_in_sequence(sources: Sequence[TextSource], meter: Meter) -> Iterator[BinaryIO]:
    """One stream over several plain files, or over a single one that may be compressed; `meter` counts the bytes."""
    if len(sources) == 1:
        with sources[0].open(meter) as stream:
            yield stream
    else:
        with readable(sources[0].path.parent), ChainedFiles([source.path for source in sources], meter) as chained:
            yield cast(BinaryIO, chained)


def size_of(sources: Sequence[TextSource]) -> int:
    """The bytes of all files on disk."""
    total = 0
    for source in sources:
        with readable(source.path):
            total += source.path.stat().st_size
    return total
