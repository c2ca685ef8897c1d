"""`refeed recommend`: a list for a known user, or for a new person without retraining."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results, write_json
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions, read
from refeed.errors import ConfigError

if TYPE_CHECKING:
    from refeed.bundles import FittedModel
    from refeed.data.history import History
    from refeed.data.vocabulary import Id
    from refeed.inference.recommend import Recommendation


@takes_options
def recommend_command(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    ratings: Annotated[
        list[str] | None, typer.Argument(metavar="[ITEM=RATING]...", help="A new person's ratings; items by id or exact title.")
    ] = None,
    user_id: Annotated[str | None, typer.Option("--user-id", "-u", help="A user of the training data.")] = None,
    ratings_file: Annotated[Path | None, typer.Option(help="A new person's ratings as a CSV of item and rating.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="Ratings in which to find the user, instead of those the model keeps.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    include_seen: Annotated[bool, typer.Option(help="Also items that the person has rated.")] = False,
    json: Annotated[str | None, typer.Option(help="Write JSON to this file, or - for standard output.")] = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Recommend items to a user of the training data, or to a new person given by their ratings."""
    from refeed.bundles import load
    from refeed.inference.recommend import recommend

    if sum(given is not None for given in (user_id, ratings or None, ratings_file)) != 1:
        raise ConfigError("for whom? Give one of --user-id ID, ITEM=RATING …, or --ratings-file FILE")
    if history is not None and user_id is None:
        raise ConfigError("--history goes with --user-id")
    fitted = load(model)
    seen: History | None = None
    who: Id | dict[Id, float]
    if user_id is None:
        who = parse_ratings(fitted, ratings) if ratings else read_one_person(fitted, ratings_file)
    elif history is None:
        who = fitted.users.parse(user_id)
    else:
        who, seen = _from_history(fitted, history, user_id, reading)
    found = recommend(fitted, who, k=k, exclude_seen=not include_seen, history=seen)
    if json is not None:
        write_json({"recommendations": [vars(one) for one in found]}, json)
        return
    show_recommendations(found, f"for user {user_id}" if user_id else "for a new person")


def parse_ratings(fitted: FittedModel, texts: list[str] | None) -> dict[Id, float]:
    """A new person's ratings from texts `item=rating`.

    Raises:
        ConfigError: a text is not of that form.
        DataError: an unknown item.
    """
    from refeed.cli.titles import resolve_item

    ratings: dict[Id, float] = {}
    for text in texts or []:
        item, separator, value = text.rpartition("=")
        try:
            rating = float(value)
        except ValueError:
            raise ConfigError(f"'{text}': expected ITEM=RATING with a number after the last '='") from None
        if not separator or not item:
            raise ConfigError(f"'{text}': expected ITEM=RATING, for example 296=4.5 or 'Heat (1995)=5'")
        id_ = resolve_item(fitted, item)
        if id_ in ratings:
            raise ConfigError(f"'{text}': item {id_!r} was rated before; give one rating for each item")
        ratings[id_] = rating
    return ratings


def read_one_person(fitted: FittedModel, path: Path | None) -> dict[Id, float]:
    """A new person's ratings from a CSV of item and rating, with or without a header.

    Raises:
        DataError: a line is not of that form, or an unknown item.
    """
    import csv

    from refeed.cli.titles import resolve_item
    from refeed.data.readers.sources import readable
    from refeed.errors import DataError

    assert path is not None
    ratings: dict[Id, float] = {}
    with readable(path), path.open(newline="", encoding="utf-8-sig") as file:
        for line, row in enumerate(csv.reader(file), start=1):
            if not row:
                continue
            try:
                item, rating = row[0], float(row[1])
            except (IndexError, ValueError):
                if line == 1:
                    continue  # a header
                raise DataError(f"expected item,rating, got {','.join(row)!r}", path=path, line=line) from None
            ratings[resolve_item(fitted, item)] = rating
    if not ratings:
        raise DataError("there are no ratings", path=path, fix="Write a line item,rating for each item.")
    return ratings


def show_recommendations(found: list[Recommendation], whom: str) -> None:
    """Print the list."""
    from refeed.reports.page import Cell, Table
    from refeed.reports.terminal import print_table

    rows: list[list[Cell]] = [[one.rank, str(one.item), one.title or "", f"{one.rating:.2f}"] for one in found]
    print_table(results(), Table(["", "item", "title", "predicted"], rows, caption=f"Recommended {whom}", align="rllr"))


def _from_history(fitted: FittedModel, path: Path, user_id: str, reading: ReadingOptions) -> tuple[Id, History]:
    from refeed.inference.histories import Histories

    ratings = read(path, reading.or_else(dict(fitted.provenance.reading)))
    who = ratings.users.parse(user_id)
    return who, Histories.for_model(fitted, ratings).rows(ratings.users.lookup([who]))
