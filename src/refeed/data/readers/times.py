"""Collecting the column of times, batch by batch, into whole seconds since 1970 UTC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.readers.places import Place, can_convert, first_refused, shown
from refeed.data.readers.texts import is_text, plain

Kind = Literal["integers", "numbers", "dates", "dates with a zone"]

END = 4_102_444_800  # 2100-01-01 UTC in seconds
UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
PER_SECOND = np.array([1, 10**3, 10**6, 10**9], np.int64)
NO_TIMES = "Correct it, name another column (time='…', --time), or read no times: time=''."


class TimeCollector:
    """Gathers times: integers or numbers (in one of four units), ISO dates, or Arrow dates and timestamps.

    Args:
        place: the column.
    """

    def __init__(self, *, place: Place) -> None:
        self._place = place
        self._kind: Kind | None = None
        self._chunks: list[npt.NDArray[Any]] = []
        self._rows = 0

    def add(self, array: pa.Array) -> None:
        """Take one batch of times.

        Raises:
            DataError: a time is missing or cannot be read, or kinds of times are mixed.
        """
        array = plain(array)
        if array.null_count:
            raise self._error(int(np.argmax(np.asarray(array.is_null()))), "the time is missing")
        if is_text(array.type):
            array = pc.utf8_trim_whitespace(array)
            kind = self._kind_of_texts(array)
            converted = READ[kind](array)
        else:
            kind, converted = self._typed(array)
        if self._kind is not None and _is_date(kind) != _is_date(self._kind):
            raise self._error(0, f"times are {self._kind} above, but {kind} here")
        self._kind = kind
        self._chunks.append(np.asarray(converted))
        self._rows += len(array)

    def finish(self) -> tuple[npt.NDArray[np.int64], str]:
        """All times in seconds, int64 (nnz,), and a note on how they were read.

        Raises:
            DataError: a time is not between 1970 and 2100 in any unit, or units are mixed.
        """
        times: npt.NDArray[Any] = np.concatenate([np.empty(0, np.int64), *self._chunks])
        if self._kind == "dates":
            return self._checked_dates(times), "times: dates without a zone, taken as UTC"
        if self._kind == "dates with a zone":
            return self._checked_dates(times), "times: dates with their zone"
        return self._in_seconds(times)

    def _kind_of_texts(self, texts: pa.Array) -> Kind:
        """The first kind that reads all of `texts`, starting with the kind so far (integers may widen to numbers)."""
        kinds: tuple[Kind, ...] = tuple(READ) if self._kind is None else (self._kind,)
        if self._kind == "integers":
            kinds = ("integers", "numbers")
        for kind in kinds:
            if can_convert(texts, READ[kind]):
                return kind
        likely = next((kind for kind in kinds[::-1] if can_convert(texts.slice(0, 1), READ[kind])), kinds[-1])
        row = first_refused(texts, READ[likely])
        text = texts[row].as_py()
        if text == "":
            raise self._error(row, "the time is missing")
        expected = "a number of seconds or an ISO date" if len(kinds) == len(READ) and row == 0 else f"{likely}, as above"
        raise self._error(row, f"the time {shown(text)} cannot be read; expected {expected}")

    def _typed(self, array: pa.Array) -> tuple[Kind, pa.Array]:
        type_ = array.type
        if pa.types.is_integer(type_):
            return "integers", array.cast(pa.int64())
        if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
            return "numbers", array.cast(pa.float64())
        if pa.types.is_date(type_):
            return "dates", array.cast(pa.timestamp("ms")).cast(pa.timestamp("s")).cast(pa.int64())
        if pa.types.is_timestamp(type_):
            factor = int(PER_SECOND[("s", "ms", "us", "ns").index(type_.unit)])
            seconds = np.asarray(array.cast(pa.int64())) // factor
            return ("dates" if type_.tz is None else "dates with a zone"), pa.array(seconds)
        raise self._error(0, f"times are numbers or dates, but this column holds {type_}")

    def _checked_dates(self, seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        bad = (seconds <= 0) | (seconds >= END)
        if bad.any():
            row = int(np.argmax(bad))
            date = np.datetime64(int(seconds[row]), "s")
            raise self._error(row - self._rows, f"the time {date} is not after 1970-01-01 and before 2100")
        return seconds

    def _in_seconds(self, times: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], str]:
        """Numbers to seconds: the unit is the one in which all of them lie between 1970 and 2100."""
        bad = ~((times > 0) & (times < END * 10**9))
        if bad.any():
            row = int(np.argmax(bad))
            raise self._error(row - self._rows, f"the time {times[row]:g} is not after 1970 and before 2100 in any unit")
        unit = np.searchsorted(END * PER_SECOND, times, side="right")  # 0 … 3, positions in UNITS
        other = unit != unit[:1]
        if other.any():
            row = int(np.argmax(other))
            raise self._error(
                row - self._rows,
                f"the time {times[row]:g} looks like {UNITS[unit[row]]}, the first time {times[0]:g} like {UNITS[unit[0]]}",
            )
        name, factor = (UNITS[unit[0]], int(PER_SECOND[unit[0]])) if len(times) else (UNITS[0], 1)
        return np.floor_divide(times, factor).astype(np.int64), f"times: {name} since 1970 UTC"

    def _error(self, row: int, problem: str) -> Exception:
        return self._place.error(self._rows + row, problem, fix=NO_TIMES)


def _is_date(kind: Kind) -> Kind | bool:
    """The kind of date, or False for both kinds of numbers, which mix."""
    return kind if kind.startswith("dates") else False


def _seconds(type_: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    def convert(texts: pa.Array) -> pa.Array:
        return pa.array(np.asarray(texts.cast(type_).cast(pa.int64())) // 10**9)

    return convert


READ: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    "integers": lambda texts: texts.cast(pa.int64()),
    "numbers": lambda texts: texts.cast(pa.float64()),
    "dates": _seconds(pa.timestamp("ns")),
    "dates with a zone": _seconds(pa.timestamp("ns", "UTC")),
}
