"""Files and folders that appear complete or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from refeed.errors import StorageError

PARTIAL = ".partial-"  # how names of unfinished files and folders begin; a write that was killed leaves one behind


@contextmanager
def atomic_folder(path: str | Path, *, overwrite: bool = False, marker: str | None = None) -> Iterator[Path]:
    """Give a new, empty folder to fill, which takes the name `path` only when the `with` block ends without an error.

    On any error, Ctrl-C included, it is removed and what was at `path` stays as it was. Missing parent folders are made.

    Args:
        path: the folder to write.
        overwrite: replace a folder that is there already; the old one is removed after the new one is complete.
        marker: name of a file that a folder must hold to be replaced (or be empty), so that a mistyped path never deletes
            anything else.

    Yields:
        the temporary folder, a sibling of `path`.

    Raises:
        StorageError: `path` exists and may not be replaced, or the system refuses to write (no space, no permission).
    """
    target = Path(path).resolve()
    written = _temporary_sibling(target)
    with _as_storage_error(target):
        require_replaceable_folder(target, overwrite=overwrite, marker=marker)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            written.mkdir()
            yield written
            for folder, _, names in os.walk(written):
                for name in names:
                    _flush(Path(folder, name))
            require_replaceable_folder(target, overwrite=overwrite, marker=marker)
            _swap_in(written, target)
        finally:
            shutil.rmtree(written, ignore_errors=True)


@contextmanager
def atomic_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a path to write a file at, which takes the name `path` only when the `with` block ends without an error.

    On any error, Ctrl-C included, it is removed and what was at `path` stays as it was. Missing parent folders are made.

    Args:
        path: the file to write.
        overwrite: replace a file that is there already.

    Yields:
        a temporary path beside `path`, with the same suffix; nothing is there yet.

    Raises:
        StorageError: `path` exists and may not be replaced, or the system refuses to write (no space, no permission).
    """
    target = Path(path).resolve()
    written = _temporary_sibling(target)
    with _as_storage_error(target):
        _require_replaceable_file(target, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield written
            _flush(written)
            _require_replaceable_file(target, overwrite)
            written.replace(target)
        finally:
            written.unlink(missing_ok=True)


def require_free(path: str | Path, *, overwrite: bool) -> None:
    """Check that nothing is at `path`, or that it may be replaced, before long work.

    Raises:
        StorageError: something is at `path` and may not be replaced.
    """
    if Path(path).exists() and not overwrite:
        raise _exists(path)


def require_writable(path: str | Path) -> None:
    """Check that `path` can be written to, by making a file beside it and removing it, before long work.

    Raises:
        StorageError: the system refuses (no permission, a read-only disk, too long a name, a parent that is a file).
    """
    target = Path(path).resolve()
    parent = next(parent for parent in target.parents if parent.exists())
    if not parent.is_dir():
        raise StorageError(f"{path}: cannot be written, since {parent} is a file and no folder; choose another path")
    probe = _temporary_sibling(parent / target.name)
    with _as_storage_error(target):
        try:
            probe.touch(exist_ok=False)
        finally:
            probe.unlink(missing_ok=True)


def require_replaceable_folder(target: Path, *, overwrite: bool, marker: str | None) -> None:
    """Check what `atomic_folder` checks, before long work.

    Raises:
        StorageError: something is at `target` that may not be replaced; with `overwrite` an empty folder always may.
    """
    if not target.exists():
        return
    if not overwrite:
        raise _exists(target)
    if not target.is_dir():
        raise StorageError(f"{target}: is a file, and only a folder may be replaced by a folder; choose another path")
    if marker is not None and any(target.iterdir()) and not (target / marker).is_file():
        raise StorageError(
            f"{target}: not overwritten, since it holds no {marker} and may be something else; choose another path"
        )


@contextmanager
def _as_storage_error(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise StorageError(f"{target}: cannot be written ({error.strerror or error}{place})") from error


def _exists(path: str | Path) -> StorageError:
    return StorageError(f"{path}: exists already; choose another path, or replace it with --overwrite (overwrite=True)")


def _temporary_sibling(target: Path) -> Path:
    """A free name in the same folder, hence on the same disk, where a rename is atomic."""
    return target.with_name(f"{PARTIAL}{secrets.token_hex(4)}-{target.name}")


def _require_replaceable_file(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise StorageError(f"{target}: is a folder, expected a file name; choose another path")
    if target.exists() and not overwrite:
        raise _exists(target)


def _swap_in(written: Path, target: Path) -> None:
    """Rename the folder `written` to `target`; what had that name is removed only after that."""
    if not target.exists():
        written.rename(target)
        return
    retired = written.with_name(f"{written.name}-old")
    target.rename(retired)
    try:
        written.rename(target)
    except BaseException:
        retired.rename(target)
        raise
    shutil.rmtree(retired, ignore_errors=True)  # the new folder is in place, so files that remain of the old one are no error


def _flush(path: Path) -> None:
    """Make the system write the file to the disk, so that a power cut after the rename finds it whole."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
