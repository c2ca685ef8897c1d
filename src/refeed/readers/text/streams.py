"""Byte streams in front of the CSV parser: several files as one, and lines rewritten on the way."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from refeed.readers.source import Source

BLOCK_BYTES = 1 << 20  # rewritten at a time
UNIT_SEPARATOR = b"\x1f"  # the ASCII sign for this purpose, which no text holds


class ChainedFiles(io.RawIOBase):
    """The bytes of several plain files, one after the other, in the role of a `Source`.

    Each file ends with a line break, also where it has none.

    Args:
        paths: the files, in order.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__()
        self.paths = paths
        self.name = paths[0]
        self._waiting = list(reversed(paths))
        self._file: BinaryIO | None = None
        self._last = b"\n"
        self._position = 0

    @property
    def file(self) -> ChainedFiles:
        """What has `tell`, as `Source.file` has."""
        return self

    def stream(self) -> ChainedFiles:
        """The bytes."""
        return self

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        view, filled = memoryview(buffer), 0
        while filled < len(view):
            if self._file is None:
                if not self._waiting:
                    break
                self.name = self._waiting.pop()
                self._file = self.name.open("rb", buffering=0)
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
        self._position += filled
        return filled

    @override
    def tell(self) -> int:
        return self._position

    @override
    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()


def chained(sources: Sequence[Source]) -> Source | ChainedFiles:
    """A file, or several plain ones that are read one after the other."""
    return sources[0] if len(sources) == 1 else ChainedFiles([source.path for source in sources])


class RewrittenLines(io.RawIOBase):
    """A stream of text with its lines rewritten, many whole lines at a time.

    Args:
        stream: the bytes in an encoding that keeps ASCII.
        rewrite: takes and gives whole lines.
        block_bytes: how much is rewritten at a time.
    """

    def __init__(self, stream: BinaryIO, rewrite: Callable[[bytes], bytes], *, block_bytes: int = BLOCK_BYTES) -> None:
        super().__init__()
        self._stream, self._rewrite, self._block_bytes = stream, rewrite, block_bytes
        self._pending = b""
        self._ready = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            block = self._stream.read(self._block_bytes)
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
