"""Which column is which: as given, by the usual names, or by position."""

from __future__ import annotations

import re
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
"""By role, names of columns in lower case without SIGNS."""
SIGNS = re.compile(r"[\W_]+")
ROLE_OF = {name: role for role, names in USUAL_NAMES.items() for name in names}
ROLES = tuple(USUAL_NAMES)
MAX_NAMES = 8  # of columns that are not read, in a note


@dataclass(frozen=True)
class ColumnChoice:
    """The columns to read.

    Attributes:
        names: the names of all columns; "1", "2", … where the source has none.
        positions: positions (from 0) of the columns to read: user, item, rating, time (if any), then the labels.
        has_times: whether there is a time column.
        labels: the label columns as they were given, by name or number.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...] = (0, 1, 2)
    has_times: bool = False
    labels: Sequence[str] = ()

    @property
    def note(self) -> str:
        """Which columns were taken, in words; where there is no time, that one of the others may hold it."""
        user, item, rating, *others = (f"'{self.names[position]}'" for position in self.positions)
        time = others[0] if self.has_times else "none"
        taken = f"columns: user {user}, item {item}, rating {rating}, time {time}"
        taken += "".join(f", label '{label}'" for label in self.labels)
        left = [
            f"'{name}'" for position, name in enumerate(self.names) if position not in self.positions and not name.isdecimal()
        ]
        if not left:
            return taken
        listed = ", ".join(left[:MAX_NAMES]) + (" …" if len(left) > MAX_NAMES else "")
        hint = "" if self.has_times else " (if one holds times, say so: --time NAME)"
        return f"{taken}; not read: {listed}{hint}"


def choose_columns(
    names: Sequence[str], options: ReadOptions, *, path: Path | None, by_name: bool = True, roles: Sequence[str] = ROLES
) -> ColumnChoice:
    """The columns to read.

    Args:
        names: the names of all columns; their numbers from 1 where the source has no names.
        options: what is given.
        path: the file, for messages.
        by_name: whether a column that is not given is found by the usual names; else the first columns have the roles in their
            order.
        roles: the columns to read; all but "time" are required.

    Raises:
        DataError: a column that was given does not exist, none or several have a usual name, or two roles share one.
    """
    role_of_column = [usual_role(name) for name in names] if by_name else roles[: len(names)]
    found: dict[str, int] = {}
    for role in roles:
        given = getattr(options, role)
        if given:
            position = column_position(given, names, option=role, path=path)
        else:
            usual = [position for position, other in enumerate(role_of_column) if other == role and given is None]
            if role == "time" and not usual:
                continue
            if len(usual) != 1:
                raise _not_one_column(role, usual, names, path=path)
            position = usual[0]
        for other in (other for other, taken in found.items() if taken == position):
            raise DataError(
                f"column '{names[position]}' is taken as both {other} and {role}; {_columns_are(names)}",
                path=path,
                fix=f"Name both: {other}='…', {role}='…' (--{other}, --{role}).",
            )
        found[role] = position
    labels = [column_position(label, names, option="labels", path=path) for label in options.labels]
    return ColumnChoice(tuple(names), (*found.values(), *labels), "time" in found, options.labels)


def usual_role(name: str) -> str | None:
    """The role of a column with a usual name, however it is written."""
    return ROLE_OF.get(SIGNS.sub("", name.lower()))


def column_position(given: str, names: Sequence[str], *, option: str, path: Path | None) -> int:
    """Where the column is that was given by name, or by number from 1.

    Raises:
        DataError: there is no such column, or there are several of that name.
    """
    if list(names).count(given) == 1:
        return list(names).index(given)
    if given in names:
        raise DataError(
            f"several columns are called '{given}'; {_columns_are(names)}",
            path=path,
            fix=f"Give its number instead, for example {_as_option(option, str(list(names).index(given) + 1))}.",
        )
    if given.isdecimal() and 1 <= int(given) <= len(names):
        return int(given) - 1
    raise DataError(
        f"there is no column '{given}'; {_columns_are(names)}",
        path=path,
        fix=f"Give one of these names, or a number from 1 to {len(names)}: {_as_option(option)}.",
    )


def _not_one_column(role: str, positions: Sequence[int], names: Sequence[str], *, path: Path | None) -> DataError:
    candidates = ", ".join(f"'{names[position]}'" for position in positions)
    problem = f"several columns may be the {role}: {candidates}" if positions else f"no column looks like the {role}"
    return DataError(f"{problem}; {_columns_are(names)}", path=path, fix=f"Name it: {role}='…' (--{role}).")


def _as_option(option: str, value: str = "…") -> str:
    """How an option is given in Python and on the command line."""
    if option == "labels":
        return f"labels=('{value}',) (--label, --keep, --split-column)"
    return f"{option}='{value}' (--{option})"


def _columns_are(names: Sequence[str], limit: int = 30) -> str:
    listed = ", ".join(f"'{name}'" for name in names[:limit])
    return f"the columns are {listed}" + (f" and {len(names) - limit} more" if len(names) > limit else "")
