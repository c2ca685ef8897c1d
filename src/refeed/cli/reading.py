"""The options of reading ratings, shared by the commands that take data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from refeed.cli.console import say
from refeed.config import nearest
from refeed.data.ratings import Ratings, RatingScale
from refeed.errors import ConfigError, DataError
from refeed.readers.formats.stores import is_store

PANEL = "Reading the data"


class Duplicates(StrEnum):
    """Policies for a user who rated an item more than once."""

    error = "error"
    last = "last"
    mean = "mean"


class Missing(StrEnum):
    """Policies for a row without a rating."""

    error = "error"
    skip = "skip"


@dataclass(frozen=True)
class ReadingOptions:
    """How to read a source of ratings; what is not given is detected and reported."""

    user: Annotated[str | None, typer.Option(help="User column: a name, or a number from 1.", rich_help_panel=PANEL)] = None
    item: Annotated[str | None, typer.Option(help="Item column.", rich_help_panel=PANEL)] = None
    rating: Annotated[str | None, typer.Option(help="Rating column.", rich_help_panel=PANEL)] = None
    time: Annotated[str | None, typer.Option(help="Time column; '' reads no times.", rich_help_panel=PANEL)] = None
    delimiter: Annotated[
        str | None, typer.Option(help="One character, '::', tab, comma, semicolon, pipe or space.", rich_help_panel=PANEL)
    ] = None
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether line 1 holds names.", rich_help_panel=PANEL)
    ] = None
    encoding: Annotated[str | None, typer.Option(help="Encoding of text files; default: utf-8.", rich_help_panel=PANEL)] = None
    decimal: Annotated[
        str | None, typer.Option(help="Decimal sign of ratings in text files, '.' or ','; default: '.'.", rich_help_panel=PANEL)
    ] = None
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Smallest and largest possible rating.", metavar="MIN MAX", rich_help_panel=PANEL),
    ] = None
    duplicates: Annotated[
        Duplicates | None,
        typer.Option(help="When a user rated an item twice: refuse, keep the last, or the mean.", rich_help_panel=PANEL),
    ] = None
    missing: Annotated[
        Missing | None, typer.Option(help="When a row has no rating: refuse, or skip the row.", rich_help_panel=PANEL)
    ] = None
    layout: Annotated[
        str | None,
        typer.Option(help="delimited, movielens, netflix, triplets, jester, parquet, arrow or store.", rich_help_panel=PANEL),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """The given arguments of `read_ratings`."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if "scale" in given:
            given["scale"] = RatingScale(*given["scale"])
        return {name: str(value) if isinstance(value, StrEnum) else value for name, value in given.items()}

    def to_dict(self) -> dict[str, Any]:
        """The given options, as plain JSON values."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    def with_defaults(self, recorded: Mapping[str, Any], *, source: Path) -> ReadingOptions:
        """These options for reading `source`; those not given are as in `recorded` (from `to_dict`).

        A store has fixed columns, so only the scale is inherited for one.
        """
        names = {"scale"} if is_store(source, self.layout) else {field.name for field in fields(self)}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in names & recorded.keys():
            if values[name] is None:
                values[name] = tuple(recorded[name]) if isinstance(recorded[name], list) else recorded[name]
        return ReadingOptions(**values)

    def require_only(self, *allowed: str, reason: str) -> None:
        """Refuse options that would play no part.

        Raises:
            ConfigError: an option other than `allowed` was given.
        """
        for name in self.to_dict():
            if name not in allowed:
                raise ConfigError(f"--{name}: {reason}")


def source_of(data: Path) -> Path:
    """The source itself, or the folder of the data set of that name, which is fetched where it is not on this machine.

    Raises:
        DataError: neither is there.
    """
    from refeed.data.datasets import FILE_HASHES, fetch_dataset, find_dataset, known_datasets

    if data.exists() or len(data.parts) != 1:
        return data
    found = find_dataset(data.name)
    if found is None and data.name in FILE_HASHES:
        say(f"fetching {data.name} from its publisher …")
        found = fetch_dataset(data.name)
    if found is None:
        hint = nearest(data.name, known_datasets()).replace("known keys", "those at hand or to be fetched")
        raise DataError(
            f"there is no such file or folder, and no data set of that name{hint}",
            path=data,
            fix="Correct the path or the name; REFEED_DATA names the folder of the data sets at hand.",
        )
    return found


def read(path: Path, options: ReadingOptions, *, labels: tuple[str, ...] = ()) -> Ratings:
    """Read the ratings and say what was found."""
    from refeed.readers import read_ratings

    ratings = read_ratings(path, labels=labels, **options.arguments())
    say_what_was_read(path, ratings)
    return ratings


def read_as_trained(
    path: Path, options: ReadingOptions, recorded: Mapping[str, Any], *, labels: tuple[str, ...] = ()
) -> Ratings:
    """Read further ratings for a model, or a data set of that name; options not given are those of the training data."""
    source = source_of(path)
    return read(source, options.with_defaults(recorded, source=source), labels=labels)


def say_what_was_read(path: Path, ratings: Ratings) -> None:
    """The notes and the numbers of the ratings of a source."""
    for note in ratings.notes:
        say(f"  {note}")
    say(
        f"{path.name}: {len(ratings):,} ratings, {ratings.num_users:,} users x {ratings.num_items:,} items, "
        f"scale {ratings.scale.minimum:g} to {ratings.scale.maximum:g}"
    )
