"""Byte streams in front of the CSV parser: several files as one, and runs of spaces as one space."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from refeed.data.readers.sources import TextSource, readable

BLOCK = 1 << 20


class ChainedFiles(io.RawIOBase):
    """The bytes of several files, one after the other; each ends with a line break, also where the file does not.

    Args:
        paths: the files, in order.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self._waiting = list(reversed(paths))
        self._file: BinaryIO | None = None
        self._last = b"\n"

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` from the current file, or the next one."""
        while True:
            if self._file is None:
                if not self._waiting:
                    return 0
                self._file = self._waiting.pop().open("rb")
            count = self._file.readinto(buffer)  # type: ignore[attr-defined]
            if count:
                self._last = bytes(buffer[count - 1 : count])
                return int(count)
            self._file.close()
            self._file = None
            if self._last not in b"\r\n":
                self._last = buffer[:1] = b"\n"
                return 1

    def close(self) -> None:
        """Close the current file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


class SingleSpaced(io.RawIOBase):
    """A stream of text lines with each run of spaces as one space, and none at either end of a line.

    Args:
        stream: the bytes in an encoding that keeps ASCII.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._pending = b""
        self._ready = b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with whole lines, squeezed."""
        while not self._ready:
            block = self._stream.read(BLOCK)
            lines, newline, rest = (self._pending + block).rpartition(b"\n")
            self._pending = rest if block else b""
            self._ready = re.sub(rb"(?m)^ | (?=\r?$)", b"", re.sub(rb" +", b" ", lines + newline if block else rest))
            if not block and not self._ready:
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


@contextmanager
def open_in_sequence(sources: Sequence[TextSource]) -> Iterator[BinaryIO]:
    """One stream over several plain files, or over a single one that may be compressed."""
    if len(sources) == 1:
        with sources[0].open() as stream:
            yield stream
    else:
        with readable(sources[0].path.parent), ChainedFiles([source.path for source in sources]) as chained:
            yield cast(BinaryIO, chained)
