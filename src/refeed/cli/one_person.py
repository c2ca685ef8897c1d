"""Whom a list is for: a known user, a user of a history, or a new user given by ratings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from refeed.cli.console import say
from refeed.cli.reading import ReadingOptions, read_as_trained
from refeed.errors import ConfigError, DataError, shown

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.vocabulary import Id, Vocabulary
    from refeed.fitted_model import FittedModel


def one_person(
    fitted: FittedModel,
    ratings: list[str] | None,
    ratings_file: Path | None,
    user_id: str | None,
    history: Path | None,
    reading: ReadingOptions,
    *,
    skip_unknown: bool,
) -> tuple[Id | dict[Id, float], Ratings | None]:
    """The user of the list, and the given histories where they are not those that the model keeps."""
    if ratings:
        return parse_ratings(fitted, ratings), None
    if ratings_file is not None:
        return read_one_person(fitted, ratings_file, reading, skip_unknown=skip_unknown), None
    assert user_id is not None
    if history is not None:
        seen = read_as_trained(history, reading, fitted.provenance.reading)
        return _known_user(seen.users, user_id), seen
    return _known_user(fitted.users, user_id), None


def parse_ratings(fitted: FittedModel, texts: list[str] | None) -> dict[Id, float]:
    """A new user's ratings from texts `item=rating`.

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
            raise ConfigError(f"'{text}': item {id_!r} is rated twice; give one rating for each item")
        ratings[id_] = rating
    return ratings


def read_one_person(fitted: FittedModel, path: Path, reading: ReadingOptions, *, skip_unknown: bool) -> dict[Id, float]:
    """A new user's ratings from a delimited text of items and ratings, with or without a header.

    The columns are those given, else those of the training data where they are here too, else found by their usual names;
    the decimal sign is the one given, else that of the training data. Unknown items may be skipped, which is reported.

    Raises:
        DataError: a line is not of that form, an unknown item that is not to be skipped, one that is rated twice, or no
            rating is left.
    """
    from refeed.cli.titles import UnknownItemError, resolve_item
    from refeed.readers.formats.user_ratings import read_user_ratings

    rated = read_user_ratings(
        path,
        encoding=reading.encoding or "utf-8",
        decimal=reading.decimal or fitted.provenance.reading.get("decimal") or ".",
        item=reading.item,
        rating=reading.rating,
        known=fitted.provenance.reading,
    )
    ratings: dict[Id, float] = {}
    for row, (item, rating) in enumerate(zip(rated.items, rated.ratings, strict=True)):
        try:
            id_ = resolve_item(fitted, item)
            if id_ in ratings:
                raise DataError(f"item {id_!r} is rated twice", fix="Give one rating for each item.")
        except DataError as error:
            is_unknown = isinstance(error, UnknownItemError)
            if is_unknown and skip_unknown:
                continue
            fix = f"{error.fix} Or leave such items out: --skip-unknown." if is_unknown else error.fix
            raise rated.origin.error(row, error.problem, fix=fix or "") from None
        ratings[id_] = rating
    if not len(rated.ratings):
        raise DataError("there are no ratings", path=path, fix="Write a line item,rating for each item.")
    if skipped := len(rated.ratings) - len(ratings):
        say(f"left out {skipped:,} of {len(rated.ratings):,} ratings, of items that the model does not know")
    if not ratings:
        raise DataError("the model knows none of the items", path=path, fix="Rate items that were in its training data.")
    return ratings


def _known_user(users: Vocabulary, text: str) -> Id:
    """The user of this id.

    Raises:
        DataError: there is none.
    """
    who = users.parse(text)
    if users.lookup([who], missing="mark")[0] < 0:
        raise DataError(
            f"unknown user {shown(text)}: not among the {len(users):,} users known here",
            fix="For a new user give ratings instead: ITEM=RATING …, --ratings-file FILE, or --history FILE.",
        )
    return who
