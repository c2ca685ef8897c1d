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


def require_report(report: Path, *, overwrite: bool, inputs: Sequence[Path | None] = ()) -> None:
    """Check that a report can be made and written.

    Raises:
        ConfigError: the `report` extra is not installed.
        StorageError: the file cannot be written.
    """
    require_file(report, overwrite=overwrite, inputs=inputs)
    require_report_packages()


def require_experiment_folder(path: Path) -> None:
    """Check that the folder can be written into: a new or empty one, or one of an earlier call.

    Raises:
        StorageError: it holds something else, or cannot be written.
    """
    from refeed.runs.queue import RUNS
    from refeed.storage import require_writable

    require_writable(path / RUNS)
    if path.is_dir() and any(path.iterdir()) and not (path / RUNS).is_dir():
        raise StorageError(f"{path}: holds something else than experiments (it has no folder {RUNS}); choose another path")


def require_report_packages() -> None:
    """Check that a report can be made, before the work for it is done.

    Raises:
        ConfigError: the `report` extra is not installed.
    """
    from refeed.reports.extras import import_extra

    for package in ("jinja2", "matplotlib"):
        import_extra(package)


def _require_apart(path: Path, inputs: Sequence[Path | None]) -> None:
    output = path.resolve()
    for given in inputs:
        source = None if given is None else given.resolve()
        if output == source:
            raise StorageError(f"{path}: is also named as another file of this command; choose another path")
        if source is not None and source in output.parents and any((source / name).is_file() for name in SEALED_BY):
            raise StorageError(f"{path}: lies in {given}, where nothing else may lie; choose another path")
