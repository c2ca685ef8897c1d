"""The options of reading a source of ratings."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError

DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading; None means: find out, and note what was found.

    Attributes:
        user: the user column by name, or by number (from 1) as text.
        item: the item column, in the same way.
        rating: the rating column, in the same way.
        time: the time column, in the same way; an empty text reads no times.
        delimiter: one character, "::", or a name such as "tab".
        header: whether the first line holds the names of the columns.
        encoding: of text files.
        decimal: the decimal sign of ratings in text files, "." or ",".
        labels: further columns to read, by name or number; a single one may be given as it is.
        scale: the declared rating scale.
        block_rows: ratings that are numbered at a time.
        block_bytes: text that is parsed at a time, at least the longest line.
    """

    user: str | None = None
    item: str | None = None
    rating: str | None = None
    time: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    encoding: str = "utf-8"
    decimal: str = "."
    labels: Sequence[str] = ()
    scale: RatingScale | None = None
    block_rows: int = 1 << 20
    block_bytes: int = 1 << 22

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", (self.labels,) if isinstance(self.labels, str) else tuple(self.labels))
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(f"encoding: '{self.encoding}' is unknown; try 'utf-8', 'latin-1' or 'cp1252'") from None
        if self.decimal not in {".", ","}:
            raise ConfigError(f"decimal: expected '.' or ',', got {self.decimal!r}")
        if self.delimiter is None:
            return
        delimiter = DELIMITER_NAMES.get(self.delimiter, self.delimiter)
        if delimiter != "::" and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
            names = ", ".join(f"'{name}'" for name in DELIMITER_NAMES if name.isalpha())
            raise ConfigError(f"delimiter: expected one ASCII character, '::' or one of {names}, got {self.delimiter!r}")
        object.__setattr__(self, "delimiter", delimiter)
