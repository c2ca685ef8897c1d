"""`refeed recommend`: a list for a known user, or for a new person without retraining."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results, write_json
from refeed.cli.option_groups import Json, Model, takes_options
from refeed.cli.outputs import require_json
from refeed.cli.reading import ReadingOptions, read
from refeed.data.readers.places import shown
from refeed.errors import ConfigError, DataError

if TYPE_CHECKING:
    from refeed.bundles import FittedModel
    from refeed.data.history import History
    from refeed.data.vocabulary import Id, Vocabulary
    from refeed.inference.recommend import Recommendation


@takes_options
def recommend_command(
    model: Model,
    ratings: Annotated[
        list[str] | None, typer.Argument(metavar="ITEM=RATING", help="A new person's ratings; items by id or exact title.")
    ] = None,
    user_id: Annotated[str | None, typer.Option("--user-id", "-u", help="A user of the training data.")] = None,
    ratings_file: Annotated[Path | None, typer.Option(help="A new person's ratings as a CSV of item and rating.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="Ratings in which to find the user, instead of those the model keeps.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="How many items.")] = 10,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also items that the person has rated.")] = False,
    json: Json = None,
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
    if history is None:
        reading.require_only(reason="says how to read the --history file, but none was given")
    require_json(json)
    fitted = load(model)
    seen: History | None = None
    who: Id | dict[Id, float]
    if ratings:
        who = parse_ratings(fitted, ratings)
    elif ratings_file is not None:
        who = read_one_person(fitted, ratings_file)
    elif history is not None:
        who, seen = _from_history(fitted, history, str(user_id), reading)
    else:
        who = _known_user(fitted.users, str(user_id))
    found = recommend(fitted, who, k=k, exclude_seen=not include_seen, history=seen)
    if json is not None:
        write_json({"recommendations": [vars(one) for one in found]}, json)
    if json != "-":
        show_recommendations(found, "for a new person" if user_id is None else f"for user {user_id}")


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


def read_one_person(fitted: FittedModel, path: Path) -> dict[Id, float]:
    """A new person's ratings from a CSV of item and rating, with or without a header.

    Raises:
        DataError: a line is not of that form, an unknown item, or one that is rated twice.
    """
    from refeed.cli.titles import resolve_item

    ratings: dict[Id, float] = {}
    for line, item, rating in _lines_of_one_person(path):
        try:
            id_ = resolve_item(fitted, item)
        except DataError as error:
            raise DataError(error.problem, path=path, line=line, fix=error.fix) from None
        if id_ in ratings:
            raise DataError(f"item {id_!r} was rated before", path=path, line=line, fix="Give one rating for each item.")
        ratings[id_] = rating
    if not ratings:
        raise DataError("there are no ratings", path=path, fix="Write a line item,rating for each item.")
    return ratings


def _lines_of_one_person(path: Path) -> Iterator[tuple[int, str, float]]:
    """Line, item and rating of each line but the header, which has a usual name of a column in it."""
    import csv

    from refeed.data.readers.choosing import is_usual_name
    from refeed.data.readers.sources import readable

    with readable(path), path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            for row in reader:
                if not row or (reader.line_num == 1 and any(map(is_usual_name, row))):
                    continue
                item, rating = row
                yield reader.line_num, item, float(rating)
        except UnicodeDecodeError:
            raise DataError("the text is not UTF-8", path=path, fix="Save the file as UTF-8.") from None
        except (csv.Error, ValueError):
            raise DataError(
                "expected an item, a comma and a number", path=path, line=reader.line_num, fix="Correct or remove the line."
            ) from None


def show_recommendations(found: list[Recommendation], whom: str) -> None:
    """Print the list."""
    from refeed.reports.page import Cell, Table
    from refeed.reports.terminal import print_table

    rows: list[list[Cell]] = [[one.rank, str(one.item), one.title or "", f"{one.rating:.2f}"] for one in found]
    print_table(results(), Table(["", "item", "title", "predicted"], rows, caption=f"Recommended {whom}", align="rllr"))


def _known_user(users: Vocabulary, text: str) -> Id:
    """The user of this id.

    Raises:
        DataError: there is none.
    """
    who = users.parse(text)
    if users.lookup([who], missing="mark")[0] < 0:
        raise DataError(
            f"unknown user {shown(text)}: not among the {len(users):,} users known here",
            fix="For a new person give ratings instead: ITEM=RATING …, --ratings-file FILE, or --history FILE.",
        )
    return who


def _from_history(fitted: FittedModel, path: Path, user_id: str, reading: ReadingOptions) -> tuple[Id, History]:
    from refeed.inference.histories import Histories

    ratings = read(path, reading.or_else(fitted.provenance.reading, source=path))
    who = _known_user(ratings.users, user_id)
    return who, Histories.for_model(fitted, ratings).rows(ratings.users.lookup([who]))
