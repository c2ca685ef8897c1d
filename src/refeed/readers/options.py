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
    """Options of reading, as `read_ratings` takes and describes them; None means: find out, and note what was found.

    Attributes:
        user, item, rating, time, delimiter, header, encoding, decimal, labels, scale: as in `read_ratings`.
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
