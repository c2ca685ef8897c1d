"""Where a value stands, for messages, and how to find the first value that a conversion refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from refeed.data.readers.columns import Locate
from refeed.errors import DataError


@dataclass(frozen=True)
class Place:
    """One column of one source.

    Attributes:
        path: the file or folder, or None for a table in memory.
        column: the column's name, or "2" for the second one where there are no names.
        locate: file and line of a row (from 0), or None where there are no lines.
    """

    path: Path | None
    column: str
    locate: Locate | None = None

    def error(self, row: int, problem: str, *, fix: str) -> DataError:
        """The error for the value in row `row` (from 0) of the source."""
        if self.locate is None:
            return DataError(f"{problem}, in row {row + 1:,}", path=self.path, column=self.column, fix=fix)
        path, line = self.locate(row)
        return DataError(problem, path=path, line=line, column=self.column, fix=fix)


def first_refused(array: pa.Array, convert: Callable[[pa.Array], Any]) -> int:
    """Position of the first value of `array` on which `convert` raises ArrowInvalid, given that it raises on the whole."""
    accepted, refused = 0, len(array)
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        if can_convert(array.slice(accepted, middle - accepted), convert):
            accepted = middle
        else:
            refused = middle
    return accepted


def can_convert(array: pa.Array, convert: Callable[[pa.Array], Any]) -> bool:
    """Whether `convert` takes every value of `array`."""
    try:
        convert(array)
    except pa.ArrowInvalid:
        return False
    return True


def shown(value: object, limit: int = 60) -> str:
    """A value as a message shows it: quoted, and cut where it is long."""
    text = str(value)
    return f"'{text}'" if len(text) <= limit else f"'{text[:limit]}…' ({len(text):,} characters)"
