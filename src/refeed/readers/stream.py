"""`RatingStream`: a source of ratings on its way in, from batches of Arrow columns to blocks of `RatingColumns`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from refeed.data.background import prefetched
from refeed.data.rating_columns import Meter, Origin, RatingColumns
from refeed.data.ratings import LabelColumn
from refeed.errors import DataError
from refeed.readers.columns.choosing import ColumnChoice
from refeed.readers.columns.ids import IdColumn
from refeed.readers.columns.labels import LabelNumbers
from refeed.readers.columns.texts import plain
from refeed.readers.columns.times import TimeColumn
from refeed.readers.columns.values import RatingColumn
from refeed.readers.options import ReadOptions


class ColumnReader(Protocol):
    """Reads one column."""

    @property
    def origin(self) -> Origin:
        """The column, for messages."""

    def read(self, array: pa.Array, *, first_row: int) -> Any:
        """The values of a batch (rows,); `first_row` is the row of the first, for messages."""


@dataclass(frozen=True, eq=False)
class RatingStream:
    """Ratings as they come, to be read once.

    Attributes:
        batches: the columns at `choice.positions`, in that order, batch by batch; binary ones are texts in UTF-8.
        choice: which columns are read.
        options: for the decimal sign, the scale and the size of the blocks.
        notes: what the reader decided (layout, delimiter, header, columns).
        origin: where the rows come from.
        parse: whether the source is text without types, so that ids that are integers become such.
        meter: how much has been read.
    """

    batches: Iterator[Sequence[pa.Array]]
    choice: ColumnChoice
    options: ReadOptions
    notes: tuple[str, ...]
    origin: Origin = field(default_factory=Origin)
    parse: bool = False
    meter: Meter = field(default_factory=Meter)

    def blocks(self) -> Iterator[RatingColumns]:
        """All rows in order, as `ColumnStream.blocks`. The next ones are parsed by a second thread meanwhile.

        Raises:
            DataError: a value that cannot be what its column says, or no rows at all.
        """
        choice = self.choice
        origins = [replace(self.origin, column=choice.names[position]) for position in choice.positions]
        users, items = IdColumn("user", origins[0], self.parse), IdColumn("item", origins[1], self.parse)
        times = [TimeColumn(origins[3])] if choice.has_times else []
        labels = [LabelNumbers(origin) for origin in origins[3 + len(times) :]]
        rows, block_rows = 0, self.options.block_rows
        readers: list[ColumnReader] = [users, items, RatingColumn(origins[2], self.options.decimal), *times, *labels]
        for user_ids, item_ids, *numbers in prefetched(typed_columns(self.batches, readers, block_rows=block_rows)):
            values, *others = map(np.concatenate if len(user_ids) > 1 else itemgetter(0), numbers)
            rows += len(values)
            yield RatingColumns(
                users=users.encode(user_ids),
                items=items.encode(item_ids),
                values=values,
                timestamps=others.pop(0) if times else None,
                labels={
                    name: LabelColumn(codes, tuple(label.numbers))
                    for name, codes, label in zip(choice.labels, others, labels, strict=True)
                },
                scale=self.options.scale,
                notes=(*self.notes, times[0].note if times else "times: none"),
                origin=self.origin,
            )
        if not rows:
            problem = "there are no ratings, only names of columns at most"
            raise DataError(problem, path=self.origin.path, fix="Give a source with rows.")


def typed_columns(
    batches: Iterable[Sequence[pa.Array]], readers: Sequence[ColumnReader], *, block_rows: int = sys.maxsize
) -> Iterator[list[list[Any]]]:
    """What the readers make of the columns of many batches at a time, for each column its chunks.

    Args:
        batches: the columns, one for each reader; binary ones are texts in UTF-8.
        readers: of the columns.
        block_rows: rows to collect each time; by default all.

    Raises:
        DataError: a value that cannot be what its column says.
    """
    columns: list[list[Any]] = [[] for _ in readers]
    row, start = 0, 0
    for batch in batches:
        for chunks, reader, column in zip(columns, readers, batch, strict=True):
            chunks.append(reader.read(plain(column, reader.origin, first_row=row), first_row=row))
        row += len(batch[0])
        if row - start >= block_rows:
            yield columns
            columns, start = [[] for _ in readers], row
    if row > start:
        yield columns
