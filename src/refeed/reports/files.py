"""Writing a finished file in one step, so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from refeed.errors import StorageError


def write_file(path: str | Path, content: bytes, *, overwrite: bool) -> None:
    """Write `content` to a sibling of `path` and move it into place.

    Raises:
        StorageError: the file exists and `overwrite` is false, or it cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        if path.exists() and not overwrite:
            raise StorageError(f"{path}: exists already; choose another name or allow overwriting")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
