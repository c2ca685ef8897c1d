"""From a stream of Arrow columns to numbers: ids and labels by the order of their appearance, ratings, and seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refeed.data.background import prefetched
from refeed.data.ratings import LabelColumn
from refeed.errors import DataError
from refeed.readers.columns.ids import IdColumn, IdNumbers
from refeed.readers.columns.labels import LabelNumbers
from refeed.readers.columns.places import Place
from refeed.readers.columns.texts import decoded
from refeed.readers.columns.times import TimeColumn
from refeed.readers.columns.values import RatingColumn
from refeed.readers.options import ReadOptions
from refeed.readers.rating_columns import RatingColumns
from refeed.readers.rating_stream import RatingStream

GROUP = 1 << 20  # rows that are numbered at a time


@dataclass(frozen=True, eq=False)
class EncodedRows:
    """Consecutive ratings of a source.

    Attributes:
        users: number of each rating's user, int32 (rows,).
        items: number of each rating's item, int32 (rows,).
        values: ratings, float64 (rows,); NaN where absent.
        timestamps: seconds since 1970 UTC, int64 (rows,), or None.
        labels: number of each rating's label, uint8 (rows,), by the name of the column.
    """

    users: npt.NDArray[np.int32]
    items: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    timestamps: npt.NDArray[np.int64] | None
    labels: Mapping[str, npt.NDArray[np.uint8]]

    def __len__(self) -> int:
        return len(self.values)


class _ColumnReader(Protocol):
    """What reads one column."""

    def read(self, array: pa.Array, *, first_row: int) -> Any:
        """The values of a batch (rows,); `first_row` is the row of the first, for messages."""


class RowEncoder:
    """Reads a stream of ratings.

    Args:
        stream: the stream, which is read once.
        options: for the decimal sign.
    """

    def __init__(self, stream: RatingStream, options: ReadOptions) -> None:
        self._stream = stream
        names, positions = stream.choice.names, stream.choice.positions
        self._places = [Place(stream.path, names[position], stream.locate) for position in positions]
        self._users = IdColumn("user", self._places[0], stream.parse)
        self._items = IdColumn("item", self._places[1], stream.parse)
        self._ratings = RatingColumn(self._places[2], options.decimal)
        self._times = None if stream.choice.time is None else TimeColumn(self._places[3])
        label_places = self._places[len(self._places) - len(stream.choice.labels) :]
        self._labels = {name: LabelNumbers(place) for name, place in zip(stream.choice.labels, label_places, strict=True)}
        self._user_numbers, self._item_numbers = IdNumbers(), IdNumbers()

    @property
    def user_ids(self) -> pa.Array:
        """The users' ids by their numbers, int64 or large_string."""
        return self._user_numbers.ids

    @property
    def item_ids(self) -> pa.Array:
        """The items' ids by their numbers, int64 or large_string."""
        return self._item_numbers.ids

    @property
    def labels(self) -> dict[str, tuple[tuple[str, ...], npt.NDArray[np.uint8]]]:
        """For each label column its labels in order, and the position there of each number."""
        return {name: numbers.sorted() for name, numbers in self._labels.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided about the source, for people; complete once all rows have been read."""
        return (*self._stream.notes, "times: none" if self._times is None else self._times.note)

    def rows(self) -> Iterator[EncodedRows]:
        """All rows, in order. The next ones are parsed by a second thread while the caller works on these.

        Raises:
            DataError: a value that cannot be what its column says, or no rows at all.
        """
        count = 0
        for columns in prefetched(self._groups()):
            users, items, (values, *others) = columns[0], columns[1], [np.concatenate(chunks) for chunks in columns[2:]]
            timestamps = None if self._times is None else others.pop(0)
            count += len(values)
            yield EncodedRows(
                users=self._user_numbers.of(users),
                items=self._item_numbers.of(items),
                values=values,
                timestamps=timestamps,
                labels=dict(zip(self._labels, others, strict=True)),
            )
        if count == 0:
            problem = "there are no ratings, only names of columns at most"
            raise DataError(problem, path=self._stream.path, fix="Give a source with rows.")

    def _groups(self) -> Iterator[Sequence[list[Any]]]:
        """The columns of many batches at a time, each column as its chunks."""
        times = [] if self._times is None else [self._times]
        readers: list[_ColumnReader] = [self._users, self._items, self._ratings, *times, *self._labels.values()]
        columns: list[list[Any]] = [[] for _ in readers]
        row, start = 0, 0
        for batch in self._stream.batches:
            for chunks, reader, place, column in zip(columns, readers, self._places, batch, strict=True):
                text = decoded(column, place=place, first_row=row) if pa.types.is_binary(column.type) else column
                chunks.append(reader.read(text, first_row=row))
            row += len(batch[0])
            if row - start >= GROUP:
                yield columns
                columns, start = [[] for _ in readers], row
        if row > start:
            yield columns


def collect(stream: RatingStream, options: ReadOptions) -> RatingColumns:
    """All of a stream in memory.

    Raises:
        DataError: as `RowEncoder.rows`.
    """
    encoder = RowEncoder(stream, options)
    groups = list(encoder.rows())
    users, items = (
        pa.DictionaryArray.from_arrays(pa.array(np.concatenate(numbers)), ids)
        for numbers, ids in (
            ([group.users for group in groups], encoder.user_ids),
            ([group.items for group in groups], encoder.item_ids),
        )
    )
    times = [group.timestamps for group in groups if group.timestamps is not None]
    return RatingColumns(
        users=users,
        items=items,
        values=np.concatenate([group.values for group in groups]),
        timestamps=np.concatenate(times) if times else None,
        labels={
            name: LabelColumn(positions[np.concatenate([group.labels[name] for group in groups])], names)
            for name, (names, positions) in encoder.labels.items()
        },
        scale=options.scale,
        notes=encoder.notes,
        path=stream.path,
        locate=stream.locate,
    )
