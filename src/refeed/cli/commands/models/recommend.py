"""`refeed recommend`: a list for a known user, or for a new user without retraining."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import remarks, results, say, write_json
from refeed.cli.one_person import one_person
from refeed.cli.option_groups import Json, Model, Overwrite, Threads, takes_options
from refeed.cli.outputs import require_file, require_json
from refeed.cli.reading import ReadingOptions, read_as_trained
from refeed.errors import ConfigError
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.fitted_model import FittedModel
    from refeed.inference.recommend import Recommendation


@takes_options
def recommend_command(
    model: Model,
    ratings: Annotated[
        list[str] | None, typer.Argument(metavar="ITEM=RATING", help="Ratings of a new user; items by id or exact title.")
    ] = None,
    user_id: Annotated[str | None, typer.Option("--user-id", "-u", help="A user of the training data.")] = None,
    ratings_file: Annotated[
        Path | None, typer.Option(help="Ratings of a new user as a delimited text of item and rating.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Of --ratings-file, leave out items that the model does not know.")
    ] = False,
    everyone: Annotated[bool, typer.Option("--all", help="Every user, to the file --output.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --all: .parquet file of user, rank, item and score.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="Ratings in which to find the user (or all users); default: those that the model keeps.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", "-n", help="How many items.")] = 10,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Include items that the user has rated.")] = False,
    json: Json = None,
    overwrite: Overwrite = False,
    threads: Threads = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Recommend items to a user of the training data, to a new user given by ratings, or to every user."""
    from refeed.fitted_model import load
    from refeed.inference.recommend import recommend
    from refeed.runtime import Runtime

    if sum((user_id is not None, bool(ratings), ratings_file is not None, everyone)) != 1:
        raise ConfigError("for whom? Give one of --user-id ID, ITEM=RATING …, --ratings-file FILE, or --all")
    if history is not None and user_id is None and not everyone:
        raise ConfigError("--history goes with --user-id or --all")
    if skip_unknown and ratings_file is None:
        raise ConfigError("--skip-unknown goes with --ratings-file")
    if history is None:
        allowed = () if ratings_file is None else ("encoding", "decimal", "item", "rating")
        reading.require_only(*allowed, reason="says how to read the --history file, but none was given")
    if k < 1:
        raise ConfigError(f"--k: expected at least 1, got {k}")
    _require_outputs(everyone, output, json, overwrite=overwrite, inputs=(model, history, ratings_file))
    Runtime.detect(threads=threads).apply()
    fitted = load(model)
    if output is not None:
        _recommend_to_all(fitted, output, history, reading, k=k, exclude_seen=not include_seen, overwrite=overwrite)
        return
    who, seen = one_person(fitted, ratings, ratings_file, user_id, history, reading, skip_unknown=skip_unknown)
    found = recommend(fitted, who, k=k, exclude_seen=not include_seen, history=seen)
    if json is not None:
        write_json({"recommendations": [vars(item) for item in found]}, json, overwrite=overwrite)
    if json != "-":
        show_recommendations(found, "for a new user" if user_id is None else f"for user {user_id}")


def _require_outputs(
    everyone: bool, output: Path | None, json: str | None, *, overwrite: bool, inputs: Sequence[Path | None]
) -> None:
    """Refuse outputs that do not go with the request, or cannot be written."""
    if not everyone:
        if output is not None:
            raise ConfigError("--output goes with --all; for a single user give --json FILE")
        require_json(json, overwrite=overwrite, inputs=inputs)
        return
    if json is not None:
        raise ConfigError("--json goes with a single user; --all writes the Parquet file --output")
    if output is None or output.suffix != ".parquet":
        raise ConfigError(f"--all: expected the file to write, --output NAME.parquet, got {output or 'none'}")
    require_file(output, overwrite=overwrite, inputs=inputs)


def _recommend_to_all(
    fitted: FittedModel,
    output: Path,
    history: Path | None,
    reading: ReadingOptions,
    *,
    k: int,
    exclude_seen: bool,
    overwrite: bool,
) -> None:
    """Write everybody's list and say what was written."""
    from refeed.inference.recommend_all import recommend_all

    seen = None if history is None else read_as_trained(history, reading, fitted.provenance.reading)
    began = time.perf_counter()
    written = recommend_all(
        fitted,
        output,
        k=k,
        exclude_seen=exclude_seen,
        history=seen,
        overwrite=overwrite,
        progress=ConsoleProgress(remarks()),
    )
    seconds = time.perf_counter() - began
    results().print(
        f"{output}: {written.rows:,} recommendations to {written.users:,} users in {seconds:.1f} s "
        f"({written.users / seconds:,.0f} users a second)"
    )
    if written.left_out:
        say(f"{written.left_out:,} users have no rating of an item that the model knows, and no recommendations")


def show_recommendations(found: list[Recommendation], whom: str) -> None:
    """Print the list."""
    from refeed.reports.page import Cell, Table
    from refeed.reports.terminal import print_table

    titled = any(item.title for item in found)
    rows: list[list[Cell]] = [
        [item.rank, str(item.item), *([item.title or ""] if titled else []), f"{item.rating:.2f}"] for item in found
    ]
    columns = ["", "item", "title", "predicted"] if titled else ["", "item", "predicted"]
    print_table(results(), Table(columns, rows, caption=f"Recommended {whom}", align="rllr" if titled else "rlr"))
