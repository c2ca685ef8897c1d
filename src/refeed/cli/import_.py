"""`refeed import`: any source to a ratings store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results
from refeed.cli.option_groups import Data, Overwrite, takes_options
from refeed.cli.outputs import require_folder
from refeed.cli.reading import ReadingOptions, read


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
    from refeed.data.store import HEADER, write_store

    require_folder(output, overwrite=overwrite, marker=HEADER)
    began = time.perf_counter()
    ratings = read(data, reading, labels=tuple(keep or ()))
    write_store(ratings, output, overwrite=overwrite)
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    results().print(
        f"{output}: {len(ratings):,} ratings in {size / 1e6:,.1f} MB ({size / len(ratings):.1f} bytes a rating), "
        f"{time.perf_counter() - began:.1f} s"
    )
