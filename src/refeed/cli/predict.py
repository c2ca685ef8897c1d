"""`refeed predict`: a file of pairs in, predicted ratings out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions, read
from refeed.errors import ConfigError


class Unknown(StrEnum):
    """What to do with pairs of an unknown user or item."""

    error = "error"
    null = "null"


@takes_options
def predict(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    pairs: Annotated[Path, typer.Argument(help="CSV or Parquet with a user and an item column.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .parquet or .csv.")],
    history: Annotated[
        Path | None, typer.Option(help="Ratings of the users, new ones too, instead of those the model keeps.")
    ] = None,
    unknown: Annotated[
        Unknown, typer.Option(help="An unknown user or item: refuse, or leave the prediction empty.")
    ] = Unknown.error,
    overwrite: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    *,
    reading: ReadingOptions,
) -> None:
    """Predict the rating of each pair; --user and --item name the columns of the pairs file."""
    import numpy as np
    import pyarrow as pa

    from refeed.bundles import load
    from refeed.data.readers.pairs import read_pairs
    from refeed.inference.predict import predict as predict_ratings
    from refeed.storage import require_free

    if output.suffix not in {".parquet", ".csv"}:
        raise ConfigError(f"{output}: expected a name that ends in .parquet or .csv")
    require_free(output, overwrite=overwrite)
    fitted = load(model)
    users, items = read_pairs(pairs, user=reading.user, item=reading.item)
    seen = None if history is None else read(history, reading.or_else(dict(fitted.provenance.reading)))
    known_users = fitted.users if seen is None else seen.users
    predictions = predict_ratings(
        fitted, known_users.align(users), fitted.items.align(items), history=seen, unknown=unknown.value
    )
    missing = np.isnan(predictions)
    table = pa.table({"user": users, "item": items, "prediction": pa.array(predictions, mask=missing)})
    write_table(table, output, overwrite=overwrite)
    empty = f", {int(missing.sum()):,} of them empty (unknown user or item)" if missing.any() else ""
    results().print(f"{output}: {len(predictions):,} predictions{empty}")


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
