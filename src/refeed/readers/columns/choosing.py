"""Which column is which: by what the person said, by the usual names, or by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from refeed.errors import DataError
from refeed.readers.options import ReadOptions

USUAL_NAMES: Mapping[str, frozenset[str]] = {
    "user": frozenset(
        {"user", "userid", "uid", "customer", "customerid", "custid", "reviewer", "reviewerid", "member", "memberid"}
        | {"person", "personid", "visitor", "visitorid", "profileid", "accountid"}
    ),
    "item": frozenset(
        {"item", "itemid", "iid", "movie", "movieid", "film", "filmid", "product", "productid", "asin", "isbn", "sku"}
        | {"book", "bookid", "joke", "jokeid", "song", "songid", "track", "trackid", "artist", "artistid", "anime", "animeid"}
        | {"business", "businessid", "recipeid", "gameid", "articleid", "newsid", "videoid"}
    ),
    "rating": frozenset({"rating", "ratings", "score", "stars", "overall", "bookrating", "reviewscore"}),
    "time": frozenset({"timestamp", "time", "date", "datetime", "unixreviewtime", "ratedat", "createdat", "unixtime", "ts"}),
}
MOST_NAMES = 8  # of columns that are not read
ROLES = ("user", "item", "rating", "time")


@dataclass(frozen=True)
class Choice:
    """Positions (from 0) of the columns to read, and their names for messages.

    Attributes:
        user: position of the user column.
        item: position of the item column.
        rating: position of the rating column.
        time: position of the time column, or None.
        labels: positions of the label columns, by the name asked for.
        names: the names of all columns; "1", "2", … where the source has none.
    """

    user: int
    item: int
    rating: int
    time: int | None
    labels: Mapping[str, int]
    names: tuple[str, ...]

    @property
    def positions(self) -> list[int]:
        """The positions to read: user, item, rating, time (if any), then the labels."""
        time = [] if self.time is None else [self.time]
        return [self.user, self.item, self.rating, *time, *self.labels.values()]

    @property
    def note(self) -> str:
        """Which columns were taken, in words."""
        time = "none" if self.time is None else f"'{self.names[self.time]}'"
        taken = f"columns: user '{self.names[self.user]}', item '{self.names[self.item]}', rating '{self.names[self.rating]}'"
        labels = "".join(f", label '{label}'" for label in self.labels)
        return f"{taken}, time {time}{labels}{self._not_read}"

    @property
    def _not_read(self) -> str:
        """The columns that were not taken, if they have names, and where there is no time that one of them may hold it."""
        taken = set(self.positions)
        left = [name for place, name in enumerate(self.names) if place not in taken and not name.isdecimal()]
        if not left:
            return ""
        listed = ", ".join(f"'{name}'" for name in left[:MOST_NAMES]) + (" …" if len(left) > MOST_NAMES else "")
        return f"; not read: {listed}" + ("" if self.time is not None else " (if one holds times, say so: --time NAME)")


def choose_by_name(names: Sequence[str], options: ReadOptions, *, path: Path | None) -> Choice:
    """The columns of a source that names them.

    Raises:
        DataError: a column that was said does not exist, none or several have a usual name, or two roles share one.
    """
    said = options.given_columns()
    found: dict[str, int | None] = {}
    for role in ROLES:
        if role in said:
            found[role] = (
                None if role == "time" and said[role] == "" else column_position(said[role], names, option=role, path=path)
            )
        else:
            found[role] = usual_position(role, names, path=path)
    return _checked(found, names, options, path=path)


def choose_by_position(width: int, options: ReadOptions, *, path: Path | None) -> Choice:
    """The columns of a source without names: user, item, rating and, as the fourth, time, unless numbers were said.

    Raises:
        DataError: fewer than 3 columns, a number that does not exist, or two roles share a column.
    """
    names = [str(number + 1) for number in range(width)]
    if width < 3:
        raise DataError(f"expected at least 3 columns (user, item, rating), found {width}", path=path, fix=_DELIMITER_FIX)
    said = options.given_columns()
    found: dict[str, int | None] = {}
    for default, role in enumerate(ROLES):
        if role in said:
            found[role] = (
                None if role == "time" and said[role] == "" else column_position(said[role], names, option=role, path=path)
            )
        else:
            found[role] = default if default < width else None
    return _checked(found, names, options, path=path)


def is_usual_name(text: str) -> bool:
    """Whether `text` is a usual name of a user, item, rating or time column."""
    return any(normalised(text) in usual for usual in USUAL_NAMES.values())


_DELIMITER_FIX = "If the columns are separated by something else, say it: delimiter='…' (--delimiter)."


def _checked(found: Mapping[str, int | None], names: Sequence[str], options: ReadOptions, *, path: Path | None) -> Choice:
    taken: dict[int, str] = {}
    for role, position in found.items():
        if position is None:
            continue
        if position in taken:
            raise DataError(
                f"column '{names[position]}' is taken as both {taken[position]} and {role}; {_there_are(names)}",
                path=path,
                fix=f"Say which column is which: {taken[position]}='…', {role}='…' (--{taken[position]}, --{role}).",
            )
        taken[position] = role
    labels = {label: column_position(label, names, option="labels", path=path) for label in options.labels}
    user, item, rating = (position for role in ROLES[:3] if (position := found[role]) is not None)
    return Choice(user, item, rating, found["time"], labels, tuple(names))


def column_position(said: str, names: Sequence[str], *, option: str, path: Path | None) -> int:
    """Where the column is that was said by name, or by number from 1.

    Raises:
        DataError: there is no such column, or there are several of that name.
    """
    if said in names:
        if list(names).count(said) > 1:
            raise DataError(
                f"several columns are called '{said}'; {_there_are(names)}",
                path=path,
                fix=f"Say its number instead, for example {_spoken(option, list(names).index(said) + 1)}.",
            )
        return list(names).index(said)
    if said.isdecimal() and 1 <= int(said) <= len(names):
        return int(said) - 1
    raise DataError(
        f"there is no column '{said}'; {_there_are(names)}",
        path=path,
        fix=f"Give one of these names, or a number from 1 to {len(names)}: {_spoken(option)}.",
    )


def usual_position(role: str, names: Sequence[str], *, path: Path | None) -> int | None:
    """Where the one column with a usual name of this role is; None for a time column that is not there.

    Raises:
        DataError: several columns have such a name, or none has and the role is not "time".
    """
    positions = [position for position, name in enumerate(names) if normalised(name) in USUAL_NAMES[role]]
    if len(positions) == 1:
        return positions[0]
    if role == "time" and not positions:
        return None
    candidates = ", ".join(f"'{names[position]}'" for position in positions)
    problem = f"several columns may be the {role}: {candidates}" if positions else f"no column looks like the {role}"
    raise DataError(f"{problem}; {_there_are(names)}", path=path, fix=f"Say which one it is: {role}='…' (--{role}).")


def _spoken(option: str, value: str | int = "…") -> str:
    """How an option is given in Python and on the command line."""
    if option == "labels":
        return f"labels=('{value}',) (--label, --keep, --split-column)"
    return f"{option}='{value}' (--{option})"


def _there_are(names: Sequence[str], limit: int = 30) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:limit])
    return f"the columns are {listed}" + (f" and {len(names) - limit} more" if len(names) > limit else "")


def normalised(name: str) -> str:
    """The name without case, spaces and signs."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
