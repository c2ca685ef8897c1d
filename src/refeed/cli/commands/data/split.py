"""`refeed split`: how a split comes out, and whether the future leaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refeed.cli.console import remarks, results, say, write_json
from refeed.cli.option_groups import Data, Json, Overwrite, takes_options
from refeed.cli.outputs import require_file, require_json
from refeed.cli.reading import ReadingOptions, read, source_of
from refeed.cli.split_files import require_known_suffix, write_parts
from refeed.cli.splitting import SplittingOptions, split
from refeed.progress import ConsoleProgress, tracked

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.splits.base import Split
    from refeed.data.splits.leaks import LeakReport


@takes_options
def split_command(
    data: Data,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the ratings with a column `split` to this .parquet or .csv.")
    ] = None,
    json: Json = None,
    overwrite: Overwrite = False,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Split ratings, count what falls out, and say whether the future leaks into training."""
    from refeed.data.splits.leaks import audit_leaks

    data = source_of(data)
    require_json(json, overwrite=overwrite, inputs=(data, output))
    if output is not None:
        require_known_suffix(output)
        require_file(output, overwrite=overwrite, inputs=(data,))
    splitter = splitting.requested()
    ratings = read(data, reading, labels=splitting.labels)
    parts = split(ratings, splitter or splitting.default_for(ratings))
    leaks = audit_leaks(parts)
    if output is not None:
        _write(parts, output, overwrite=overwrite)
    if json is not None:
        write_json(_to_dict(parts, leaks), json, overwrite=overwrite)
    if json != "-":
        _show(parts, leaks)


def _parts(parts: Split) -> dict[str, Ratings]:
    return {"train": parts.train, "valid": parts.valid, "test": parts.test}


def _to_dict(parts: Split, leaks: LeakReport) -> dict[str, Any]:
    from refeed.data.splits.registry import split_to_dict

    return {
        "split": split_to_dict(parts.splitter),
        "fingerprint": parts.fingerprint,
        "ratings": {name: len(part) for name, part in _parts(parts).items()},
        "left_out": dict(parts.left_out),
        "leaks": leaks.to_dict(),
    }


def _show(parts: Split, leaks: LeakReport) -> None:
    from refeed.reports.page import Cell, Table
    from refeed.reports.terminal import print_table

    rows: list[list[Cell]] = [
        [name, len(part), int((part.user_counts > 0).sum()), int((part.item_counts > 0).sum())]
        for name, part in _parts(parts).items()
    ]
    print_table(results(), Table(["part", "ratings", "users", "items"], rows, caption=f"fingerprint {parts.fingerprint}"))
    for finding in leaks.findings:
        results().print(finding)


def _write(parts: Split, output: Path, *, overwrite: bool) -> None:
    total = sum(map(len, _parts(parts).values()))
    with tracked(ConsoleProgress(remarks()), "writing", total=total, unit="ratings") as advance:
        write_parts(_parts(parts), output, overwrite=overwrite, progress=advance)
    dropped = sum(cold.ratings for cold in parts.cold.values()) + sum(parts.left_out.values())
    if dropped:
        say(f"{output}: without the {dropped:,} ratings that are in no part (cold or left out)")
