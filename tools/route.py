"""The route of a rating: every function of refeed that `read_ratings` enters on the way from a source to `Ratings`.

    python tools/route.py                  # a CSV file of a header and three rows, written for the purpose
    python tools/route.py ratings.parquet  # any file or folder that read_ratings takes

Prints each function with its file and its number of calls, in the order of the first one; then the numbers of functions and
files, and how often the source was opened. A generator counts once, however often it resumes, and a comprehension with the
function that holds it. Opens are counted by the kernel (inotify, on Linux alone), so those of pyarrow are among them.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any

CSV = "user,item,rating\n1,10,4.5\n2,10,3\n1,20,5\n"
COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")
IN_OPEN, IN_ISDIR = 0x20, 0x40000000
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows


@dataclass(frozen=True)
class Route:
    """What a trace found.

    Attributes:
        calls: number of calls by (file, function), in the order of the first; files are relative to the package.
        opens: how often the source, or a file in the folder that it is, was opened; None where that cannot be counted.
    """

    calls: dict[tuple[str, str], int]
    opens: int | None

    @property
    def files(self) -> list[str]:
        """The files that hold the functions, in the order of the first call."""
        return list(dict.fromkeys(file for file, _ in self.calls))

    def __str__(self) -> str:
        width = max(len(file) for file, _ in self.calls)
        lines = [f"{file:{width}}  {function}  x{count}" for (file, function), count in self.calls.items()]
        opened = "opens were not counted" if self.opens is None else f"the source was opened {self.opens} time(s)"
        return "\n".join([*lines, f"{len(self.calls)} functions in {len(self.files)} files; {opened}"])


def trace(source: Path) -> Route:
    """Follow `read_ratings(source)` through the package, in all threads."""
    import refeed
    from refeed.readers import read_ratings

    read_ratings(source)  # once without a trace, so that everything is imported
    opens = OpenCounter(source)
    calls = calls_of(lambda: read_ratings(source), Path(refeed.__file__).parent, at_each_event=opens.update)
    return Route(calls, opens.close())


def calls_of(
    function: Callable[[], Any], package: Path, *, at_each_event: Callable[[], None] = lambda: None
) -> dict[tuple[str, str], int]:
    """Number of calls, while `function` runs, of each (file, function) below the folder `package`.

    Args:
        function: what to run.
        package: a folder.
        at_each_event: called at each call and return, of functions in C too.
    """
    calls: Counter[tuple[str, str]] = Counter()
    generators: dict[int, FrameType] = {}  # each is "called" again to resume; kept, so that no other frame takes its id

    def follow(frame: FrameType, event: str, _argument: Any) -> None:
        at_each_event()
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(str(package)) or code.co_name in COMPREHENSIONS:
            return
        if code.co_flags & CO_GENERATOR:
            if id(frame) in generators:
                return
            generators[id(frame)] = frame
        calls[str(Path(code.co_filename).relative_to(package)), code.co_qualname] += 1

    threading.setprofile(follow)
    sys.setprofile(follow)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return dict(calls)


class OpenCounter:
    """Counts how often a file, or the files in a folder, are opened.

    Args:
        source: the file or folder.
    """

    def __init__(self, source: Path) -> None:
        self._count = 0
        self._watch: int | None = None
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            watch = libc.inotify_init1(os.O_NONBLOCK)
            if watch >= 0 and libc.inotify_add_watch(watch, os.fsencode(source), IN_OPEN) >= 0:
                self._watch = watch

    def update(self) -> None:
        """Count what has happened. To be called often: two opens in a row are one for the kernel until they are counted."""
        if self._watch is None:
            return
        try:
            events = os.read(self._watch, 1 << 16)
        except BlockingIOError:  # there are none
            return
        place = 0
        while place < len(events):
            _, mask, _, name_length = EVENT.unpack_from(events, place)
            self._count += not mask & IN_ISDIR
            place += EVENT.size + name_length

    def close(self) -> int | None:
        """Stop; gives the number of opens, or None where they cannot be counted."""
        self.update()
        if self._watch is None:
            return None
        os.close(self._watch)
        return self._count


def main() -> None:
    """Trace the source that is given, or the small CSV file."""
    if len(sys.argv) > 1:
        print(trace(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ratings.csv"
        source.write_text(CSV, encoding="utf-8")
        print(trace(source))


if __name__ == "__main__":
    main()
