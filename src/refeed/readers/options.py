"""What a person may say about a source of ratings."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError

DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class ReadOptions:
    """Options of a read; None means: find out, and say in the notes what was found.

    Attributes:
        user: the user column by name, or by number (from 1) as text.
        item: the item column, in the same way.
        rating: the rating column, in the same way.
        time: the time column, in the same way; an empty text reads no times.
        delimiter: one character, "::", or a name such as "tab".
        header: whether the first line holds the names of the columns.
        encoding: of text files.
        decimal: the sign before the broken part of ratings in text files, "." or ",".
        labels: further columns to read, by name or number.
        scale: the declared rating scale.
    """

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str = "utf-8"
    decimal: str = "."
    labels: tuple[str, ...] = ()
    scale: RatingScale | None = None

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(f"encoding: '{self.encoding}' is unknown; try 'utf-8', 'latin-1' or 'cp1252'") from None
        if self.decimal not in {".", ","}:
            raise ConfigError(f"decimal: expected '.' or ',', got {self.decimal!r}")
        delimiter = self.delimiter
        if delimiter is None:
            return
        delimiter = DELIMITER_NAMES.get(delimiter, delimiter)
        if delimiter != "::" and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
            names = ", ".join(f"'{name}'" for name in DELIMITER_NAMES if name.isalpha())
            raise ConfigError(f"delimiter: expected one ASCII character, '::' or one of {names}, got {self.delimiter!r}")
        object.__setattr__(self, "delimiter", delimiter)

    def given_columns(self) -> dict[str, str]:
        """The columns that were said, by role ("user", "item", "rating", "time")."""
        said = {"user": self.user, "item": self.item, "rating": self.rating, "time": self.time}
        return {role: column for role, column in said.items() if column is not None}
