"""`RatingStream`: a source of ratings on its way in, as Arrow columns batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from refeed.readers.columns.choosing import Choice
from refeed.readers.columns.places import Locate


@dataclass
class Meter:
    """How far some work is.

    Attributes:
        total: all there is to do; 0 where that is not known.
        unit: what is counted, in the plural.
        done: what has been done.
    """

    total: int = 0
    unit: str = "bytes"
    done: int = 0


@dataclass(frozen=True, eq=False)
class RatingStream:
    """Ratings as they come, to be read once.

    Attributes:
        batches: the columns at `choice.positions`, in that order, batch by batch; binary ones are texts in UTF-8.
        choice: which columns are read.
        parse: whether the source is text without types, so that ids that are integers become such.
        notes: what the reader decided (layout, delimiter, header, columns), for people.
        path: the file or folder, or None for a table in memory.
        locate: gives the file and 1-based line of a row (from 0), or None where there are no lines.
        meter: how much has been read.
    """

    batches: Iterator[Sequence[pa.Array]]
    choice: Choice
    parse: bool
    notes: tuple[str, ...]
    path: Path | None
    locate: Locate | None
    meter: Meter
