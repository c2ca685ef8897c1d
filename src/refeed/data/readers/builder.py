"""From batches of Arrow columns to `RatingColumns`, keeping only compact arrays of the batches gone by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from refeed.data.readers.choosing import Choice
from refeed.data.readers.columns import Locate, RatingColumns
from refeed.data.readers.ids import IdCollector
from refeed.data.readers.labels import LabelCollector
from refeed.data.readers.options import ReadOptions
from refeed.data.readers.places import Place
from refeed.data.readers.texts import decoded
from refeed.data.readers.times import TimeCollector
from refeed.data.readers.values import RatingCollector
from refeed.errors import DataError

Collector = IdCollector | RatingCollector | TimeCollector | LabelCollector


class ColumnsBuilder:
    """One collector for each chosen column.

    Args:
        choice: the chosen columns.
        options: for the declared scale.
        parse: whether the source is text without types, so that ids that are integers become such.
        path: the source, for messages.
        locate: file and line of a row, for messages.
    """

    def __init__(
        self,
        choice: Choice,
        options: ReadOptions,
        *,
        parse: bool,
        path: Path | None,
        locate: Locate | None = None,
    ) -> None:
        self._options, self._path, self._locate = options, path, locate
        self._places = [Place(path, choice.names[position], locate) for position in choice.positions]
        self._users = IdCollector(kind="user", place=self._places[0], parse=parse)
        self._items = IdCollector(kind="item", place=self._places[1], parse=parse)
        self._ratings = RatingCollector(place=self._places[2])
        self._times = None if choice.time is None else TimeCollector(place=self._places[3])
        label_places = self._places[len(self._places) - len(choice.labels) :]
        self._labels = {name: LabelCollector(place=place) for name, place in zip(choice.labels, label_places, strict=True)}
        self._rows = 0

    def add(self, columns: Sequence[pa.Array]) -> None:
        """Take one batch: the columns at `Choice.positions`, in that order; binary ones are decoded as UTF-8.

        Raises:
            DataError: a value that cannot be what its column says.
        """
        times = [] if self._times is None else [self._times]
        collectors: list[Collector] = [self._users, self._items, self._ratings, *times, *self._labels.values()]
        for collector, place, column in zip(collectors, self._places, columns, strict=True):
            binary = pa.types.is_binary(column.type)
            collector.add(decoded(column, place=place, first_row=self._rows) if binary else column)
        self._rows += len(columns[0])

    def finish(self, *, notes: tuple[str, ...]) -> RatingColumns:
        """All columns; `notes` are followed by the one on the times.

        Raises:
            DataError: there were no rows, or the times make no sense as a whole.
        """
        if self._rows == 0:
            raise DataError(
                "there are no ratings, only names of columns at most", path=self._path, fix="Give a source with rows."
            )
        timestamps, time_note = (None, "times: none") if self._times is None else self._times.finish()
        return RatingColumns(
            users=self._users.finish(),
            items=self._items.finish(),
            values=self._ratings.finish(),
            timestamps=timestamps,
            labels={name: collector.finish() for name, collector in self._labels.items()},
            scale=self._options.scale,
            notes=(*notes, time_note),
            path=self._path,
            locate=self._locate,
        )
