"""`refeed split`: how a split comes out, and whether the future leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results, write_json
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions, read
from refeed.cli.splitting import SplittingOptions, split


@takes_options
def split_command(
    data: Annotated[Path, typer.Argument(help="File or folder of ratings.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the ratings with a column `split` to this Parquet file.")
    ] = None,
    json: Annotated[str | None, typer.Option(help="Write everything as JSON to this file, or - for standard output.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Split ratings, count what falls out, and say whether the future leaks into training."""
    from refeed.data.leaks import audit_leaks
    from refeed.data.splits import split_to_dict
    from refeed.reports.page import Cell, Table
    from refeed.reports.terminal import print_table

    ratings = read(data, reading, labels=splitting.labels)
    parts = split(ratings, splitting.splitter(ratings))
    report = audit_leaks(parts)
    if output is not None:
        _write_parts(parts, output, overwrite)
    if json is not None:
        sizes = {"train": len(parts.train), "valid": len(parts.valid), "test": len(parts.test)}
        described = {"split": split_to_dict(parts.splitter), "fingerprint": parts.fingerprint, "ratings": sizes}
        write_json(described | {"left_out": dict(parts.left_out), "leaks": report.to_dict()}, json)
        return
    rows: list[list[Cell]] = [
        [name, len(part), int((part.user_counts > 0).sum()), int((part.item_counts > 0).sum())]
        for name, part in (("train", parts.train), ("valid", parts.valid), ("test", parts.test))
    ]
    print_table(results(), Table(["part", "ratings", "users", "items"], rows, caption=f"fingerprint {parts.fingerprint}"))
    for finding in report.findings:
        results().print(finding)


def _write_parts(parts: object, output: Path, overwrite: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from refeed.storage import atomic_file

    tables = []
    for name in ("train", "valid", "test"):
        table = getattr(parts, name).to_arrow()
        tables.append(table.append_column("split", pa.array([name] * len(table), pa.string())))
    with atomic_file(output, overwrite=overwrite) as path:
        pq.write_table(pa.concat_tables(tables), path)
