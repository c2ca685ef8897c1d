"""Refusing outputs that cannot be written before any work is done for them."""

from __future__ import annotations

import os
from pathlib import Path

from refeed.errors import StorageError
from refeed.storage import require_free, require_replaceable_folder


def require_folder(path: Path, *, overwrite: bool, marker: str) -> None:
    """Check that a folder can be written at `path`, where one with the file `marker` in it may be replaced.

    Raises:
        StorageError: something is there that may not be replaced, or its parent cannot be written to.
    """
    require_replaceable_folder(path, overwrite=overwrite, marker=marker)
    _require_writable_parent(path)


def require_file(path: Path, *, overwrite: bool) -> None:
    """Check that a file can be written at `path`.

    Raises:
        StorageError: something is there that may not be replaced, or its parent cannot be written to.
    """
    require_free(path, overwrite=overwrite)
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected a file name; choose another path")
    _require_writable_parent(path)


def require_json(target: str | None) -> None:
    """Check the value of --json.

    Raises:
        StorageError: it is a file that cannot be written.
    """
    if target is not None and target != "-":
        require_file(Path(target), overwrite=True)


def _require_writable_parent(path: Path) -> None:
    parent = next(parent for parent in path.resolve().parents if parent.exists())
    if not parent.is_dir():
        raise StorageError(f"{path}: cannot be written, since {parent} is a file and no folder; choose another path")
    if not os.access(parent, os.W_OK):
        raise StorageError(f"{path}: cannot be written, since the folder {parent} is not writable for you; choose another path")
