"""Refusing outputs that cannot be written, or would replace an input, before any work is done for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from refeed.errors import StorageError
from refeed.storage import require_free, require_replaceable_folder, require_writable

SEALED_BY = ("config.json", "store.json")  # a model folder or a store: nothing else may lie in a folder with one of these


def require_folder(path: Path, *, overwrite: bool, marker: str, inputs: Sequence[Path | None] = ()) -> None:
    """Check that a folder can be written at `path`, where one with the file `marker` in it may be replaced.

    Args:
        path: the folder.
        overwrite: whether it may be replaced.
        marker: name of a file.
        inputs: what the command reads; None plays no part.

    Raises:
        StorageError: something is there that may not be replaced, or the place cannot be written to.
    """
    _require_apart(path, inputs)
    require_replaceable_folder(path, overwrite=overwrite, marker=marker)
    require_writable(path)


def require_file(path: Path, *, overwrite: bool, inputs: Sequence[Path | None] = ()) -> None:
    """Check that a file can be written at `path`; the arguments are those of `require_folder`.

    Raises:
        StorageError: something is there that may not be replaced, or the place cannot be written to.
    """
    _require_apart(path, inputs)
    if path.is_dir():
        raise StorageError(f"{path}: is a folder, expected a file name; choose another path")
    require_free(path, overwrite=overwrite)
    require_writable(path)


def require_json(target: str | None, *, overwrite: bool = False, inputs: Sequence[Path | None] = ()) -> None:
    """Check the value of --json.

    Raises:
        StorageError: as `require_file`, where it is a file.
    """
    if target is not None and target != "-":
        require_file(Path(target), overwrite=overwrite, inputs=inputs)


def _require_apart(path: Path, inputs: Sequence[Path | None]) -> None:
    output = path.resolve()
    for given in inputs:
        source = None if given is None else given.resolve()
        if output == source:
            raise StorageError(f"{path}: is also named as another file of this command; choose another path")
        if source is not None and source in output.parents and any((source / name).is_file() for name in SEALED_BY):
            raise StorageError(f"{path}: lies in {given}, where nothing else may lie; choose another path")
