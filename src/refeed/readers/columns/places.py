"""Where a value stands, for messages, and how to find the first value that a conversion refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from refeed.errors import DataError

Locate = Callable[[int], tuple[Path, int]]  # from a row (from 0) to its file and 1-based line


@dataclass(frozen=True)
class Place:
    """One column of one source, or all of them.

    Attributes:
        path: the file or folder, or None for a table in memory.
        column: the column's name, or "2" for the second one where there are no names; None for whole rows.
        locate: file and line of a row (from 0), or None where there are no lines.
    """

    path: Path | None
    column: str | None
    locate: Locate | None = None

    def error(self, row: int, problem: str, *, fix: str) -> DataError:
        """The error for row `row` (from 0) of the source, naming its file and line where they are known."""
        if self.locate is None:
            return DataError(f"{problem}, in row {row + 1:,}", path=self.path, column=self.column, fix=fix)
        path, line = self.locate(row)
        return DataError(problem, path=path, line=line, column=self.column, fix=fix)

    def describe_row(self, row: int) -> str:
        """Row `row` (from 0) in words: "line 3" where lines are known, else "row 2"."""
        return f"row {row + 1:,}" if self.locate is None else f"line {self.locate(row)[1]:,}"


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
