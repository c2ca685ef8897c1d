"""`refeed import`: any source to a ratings store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import remarks, results
from refeed.cli.option_groups import Data, Overwrite, takes_options
from refeed.cli.outputs import require_folder
from refeed.cli.reading import ReadingOptions, read, say_what_was_read, source_of
from refeed.progress import ConsoleProgress, Finished, Started, Stopped
from refeed.readers.formats.stores import is_store

if TYPE_CHECKING:
    from refeed.data.importing.importing import Watch
    from refeed.data.rating_columns import Meter
    from refeed.data.ratings import Ratings


@takes_options
def import_(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the store to write.")],
    keep: Annotated[list[str] | None, typer.Option(help="A further column to keep, such as a split; may be repeated.")] = None,
    overwrite: Overwrite = False,
    *,
    reading: ReadingOptions,
) -> None:
    """Read ratings once and keep them in a store that opens instantly (memory-mapped, checksummed)."""
    from refeed.data.store.store import HEADER, write_store

    data = source_of(data)
    require_folder(output, overwrite=overwrite, marker=HEADER, inputs=(data,))
    began, labels = time.perf_counter(), tuple(keep or ())
    if is_store(data, reading.layout):
        ratings = read(data, reading, labels=labels)
        write_store(ratings, output, overwrite=overwrite)
    else:
        ratings = _import(data, output, reading, labels, overwrite=overwrite)
        say_what_was_read(data, ratings)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    results().print(
        f"{output}: {len(ratings):,} ratings in {size / 1e6:,.1f} MB ({size / len(ratings):.1f} bytes a rating), "
        f"{time.perf_counter() - began:.1f} s"
    )


def _import(data: Path, output: Path, reading: ReadingOptions, labels: tuple[str, ...], *, overwrite: bool) -> Ratings:
    from refeed.data.importing.importing import import_ratings
    from refeed.readers import open_ratings
    from refeed.readers.options import ReadOptions

    given = reading.arguments()
    layout = given.pop("layout", None)
    policies = {name: given.pop(name) for name in ("duplicates", "missing") if name in given}
    with open_ratings(data, ReadOptions(**given, labels=labels), layout=layout) as stream, _stages() as watch:
        return import_ratings(stream, output, overwrite=overwrite, watch=watch, **policies)


@contextmanager
def _stages() -> Iterator[Watch]:
    """What shows a bar for each stage, one after the other."""
    callback, stage = ConsoleProgress(remarks()), ""

    def watch(name: str, meter: Meter) -> None:
        nonlocal stage
        if name != stage:
            stage = name
            callback(Started(task=name, total=max(1, meter.total), unit=meter.unit))
        callback(Finished(completed=meter.done))

    try:
        yield watch
    finally:
        callback(Stopped())
