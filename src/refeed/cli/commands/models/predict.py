"""`refeed predict`: a file of pairs in, predicted ratings out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results
from refeed.cli.option_groups import Model, Overwrite, Threads, takes_options
from refeed.cli.outputs import require_file
from refeed.cli.reading import ReadingOptions, read_as_trained
from refeed.errors import ConfigError, DataError, shown

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from refeed.data.ratings import Ratings
    from refeed.data.vocabulary import Id, Ids, Vocabulary
    from refeed.fitted_model import FittedModel


class Unknown(StrEnum):
    """What to do with pairs of an unknown user or item."""

    error = "error"
    null = "null"


@takes_options
def predict(
    model: Model,
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="CSV or Parquet with a user and an item column.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .parquet or .csv.")],
    history: Annotated[
        Path | None, typer.Option(help="Ratings of the users, new ones included; default: those that the model keeps.")
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(metavar="LEVEL", help="Add the ends, low and high, of intervals that hold this share of ratings, as 0.9."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the ratings are given: now, a date or time (UTC), or seconds since 1970."),
    ] = None,
    unknown: Annotated[
        Unknown, typer.Option(help="An unknown user or item: refuse, or leave the prediction empty.")
    ] = Unknown.error,
    overwrite: Overwrite = False,
    threads: Threads = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Predict the rating of each pair, and with --interval how far off it may be.

    Models that know time (the default does) predict better where --at says when; without it the time is not known to them.

    --user and --item name the columns of the pairs file and of the --history file; the other reading options are of the latter.
    """
    import numpy as np
    import pyarrow as pa

    from refeed.fitted_model import load
    from refeed.inference.predict import require_intervals
    from refeed.intervals.conformal import require_level
    from refeed.readers.formats.pairs import read_pairs
    from refeed.runtime import Runtime

    if output.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"{output}: expected a name that ends in .parquet or .csv")
    if interval is not None:
        require_level(interval)
    moment = None if at is None else _moment(at)
    require_file(output, overwrite=overwrite, inputs=(model, pairs, history))
    if history is None:
        reading.require_only("user", "item", reason="says how to read the --history file, but none was given")
    Runtime.detect(threads=threads).apply()
    fitted = load(model)
    if interval is not None:
        require_intervals(fitted)
    users, items = read_pairs(pairs, user=reading.user, item=reading.item, known=fitted.provenance.reading)
    seen = None if history is None else read_as_trained(history, reading, fitted.provenance.reading)
    known_users = fitted.users if seen is None else seen.users
    users, items = _aligned(known_users, users, pairs), _aligned(fitted.items, items, pairs)
    columns = _columns(fitted, users, items, moment, seen, interval)
    missing = np.isnan(columns["prediction"])
    if unknown is Unknown.error and missing.any():
        row = int(np.argmax(missing))
        raise _unknown(known_users, fitted.items, users[row].as_py(), items[row].as_py(), row, int(missing.sum()), pairs)
    answers = {name: pa.array(values, mask=missing) for name, values in columns.items()}
    table = pa.table({"user": users, "item": items, **answers})
    write_table(table, output, overwrite=overwrite)
    empty = f", {int(missing.sum()):,} of them empty (unknown user or item)" if missing.any() else ""
    with_interval = "" if interval is None else f" with {100 * interval:g}% intervals"
    results().print(f"{output}: {len(missing):,} predictions{with_interval}{empty}")


def _columns(
    fitted: FittedModel, users: Ids, items: Ids, moment: int | None, seen: Ratings | None, interval: float | None
) -> dict[str, npt.NDArray[np.float32]]:
    """The columns of the answer, NaN for pairs of an unknown user or item."""
    from refeed.inference.predict import predict as predict_ratings
    from refeed.inference.predict import predict_interval

    if interval is None:
        return {"prediction": predict_ratings(fitted, users, items, times=moment, history=seen, unknown="null")}
    answers = predict_interval(fitted, users, items, level=interval, times=moment, history=seen, unknown="null")
    return {"prediction": answers.predictions, "low": answers.low, "high": answers.high}


def _moment(text: str) -> int:
    """Seconds since 1970."""
    import time

    from refeed.data.instants import EXPECTED, seconds_of

    seconds = round(time.time()) if text == "now" else seconds_of(text)
    if seconds is None:
        raise ConfigError(f"--at: expected now, {EXPECTED}, got '{text}'")
    return seconds


def _aligned(vocabulary: Vocabulary, ids: Ids, pairs: Path) -> Ids:
    try:
        return vocabulary.align(ids)
    except DataError as error:
        raise DataError(error.problem, path=pairs, fix="Correct these ids, or remove their rows.") from error


def _unknown(users: Vocabulary, items: Vocabulary, user: Id, item: Id, row: int, count: int, pairs: Path) -> DataError:
    """The refusal of pairs that cannot be predicted, with the first of them."""
    is_user = users.lookup([user], missing="mark")[0] < 0
    kind, id_, known = ("user", user, len(users)) if is_user else ("item", item, len(items))
    return DataError(
        f"unknown {kind} {shown(id_)} in row {row + 1:,}: not among the {known:,} {kind}s known here "
        f"({count:,} such pair(s) in all)",
        path=pairs,
        fix="Leave such predictions empty with --unknown null; a new user's ratings can be given with --history FILE.",
    )


def write_table(table: object, path: Path, *, overwrite: bool) -> None:
    """Write an Arrow table as Parquet or CSV, by the ending of the name."""
    import pyarrow.csv
    import pyarrow.parquet

    from refeed.storage import atomic_file

    with atomic_file(path, overwrite=overwrite) as written:
        if path.suffix == ".parquet":
            pyarrow.parquet.write_table(table, written)
        else:
            pyarrow.csv.write_csv(table, written)
