"""Columns of times, as whole seconds since 1970 UTC."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refeed.data.rating_columns import Origin
from refeed.errors import shown
from refeed.readers.columns.texts import can_convert, first_refused

Kind = Literal["integers", "numbers", "dates", "dates with a zone"]

END = 4_102_444_800  # 2100-01-01 UTC in seconds
UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
PER_SECOND = np.array([1, 10**3, 10**6, 10**9], np.int64)
NO_TIMES = "Correct it, name another column (time='…', --time), or read no times: time=''."


class TimeColumn:
    """Reads times: integers or numbers (in one of four units), ISO dates, or Arrow dates and timestamps.

    Args:
        origin: the column, for messages.
    """

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self._kind: Kind | None = None
        self._unit: int | None = None  # of numbers, position in UNITS
        self._first: float = 0  # the first time as it is written, a number

    @property
    def note(self) -> str:
        """How the times were read, in words."""
        if self._kind == "dates":
            return "times: dates without a zone, taken as UTC"
        if self._kind == "dates with a zone":
            return "times: dates with their zone"
        return f"times: {UNITS[self._unit or 0]} since 1970 UTC"

    def read(self, array: pa.Array, *, first_row: int) -> npt.NDArray[np.int64]:
        """A batch of times in seconds, int64 (rows,); `first_row` is the row of the first, for messages.

        Raises:
            DataError: a time is missing, cannot be read or is not between 1970 and 2100, or kinds or units of times are mixed.
        """
        if array.null_count:
            raise self._error(first_row + int(np.argmax(np.asarray(array.is_null()))), "the time is missing")
        read = self._from_texts if pa.types.is_large_string(array.type) else self._typed
        kind, converted = read(array, first_row)
        if self._kind is not None and _is_date(kind) != _is_date(self._kind):
            raise self._error(first_row, f"times are {self._kind} above, but {kind} here")
        self._kind = kind
        times = np.asarray(converted)
        return self._checked_dates(times, first_row) if _is_date(kind) else self._in_seconds(times, first_row)

    def _from_texts(self, texts: pa.Array, first_row: int) -> tuple[Kind, pa.Array]:
        """Read by the first kind that reads all of `texts`, starting with the kind so far (integers may widen to numbers)."""
        kinds: tuple[Kind, ...] = tuple(READ) if self._kind is None else (self._kind,)
        if self._kind == "integers":
            kinds = ("integers", "numbers")
        for attempt in (texts, pc.utf8_trim_whitespace(texts)):
            for kind in kinds:
                with contextlib.suppress(pa.ArrowInvalid):
                    return kind, READ[kind](attempt)
        raise self._unreadable(pc.utf8_trim_whitespace(texts), kinds, first_row)

    def _unreadable(self, texts: pa.Array, kinds: tuple[Kind, ...], first_row: int) -> Exception:
        likely = next((kind for kind in kinds[::-1] if can_convert(texts.slice(0, 1), READ[kind])), kinds[-1])
        row = first_refused(texts, READ[likely])
        text = texts[row].as_py()
        if text == "":
            return self._error(first_row + row, "the time is missing")
        expected = "a number of seconds or an ISO date" if len(kinds) == len(READ) and row == 0 else f"{likely}, as above"
        return self._error(first_row + row, f"the time {shown(text)} cannot be read; expected {expected}")

    def _typed(self, array: pa.Array, first_row: int) -> tuple[Kind, pa.Array]:
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
        raise self._error(first_row, f"times are numbers or dates, but this column holds {type_}")

    def _checked_dates(self, seconds: npt.NDArray[np.int64], first_row: int) -> npt.NDArray[np.int64]:
        bad = (seconds <= 0) | (seconds >= END)
        if bad.any():
            row = int(np.argmax(bad))
            date = np.datetime64(int(seconds[row]), "s")
            raise self._error(first_row + row, f"the time {date} is not after 1970-01-01 and before 2100")
        return seconds

    def _in_seconds(self, times: npt.NDArray[Any], first_row: int) -> npt.NDArray[np.int64]:
        """Numbers to seconds: the unit is the one in which all of them lie between 1970 and 2100."""
        bad = ~((times > 0) & (times < END * 10**9))
        if bad.any():
            row = int(np.argmax(bad))
            raise self._error(first_row + row, f"the time {times[row]:g} is not after 1970 and before 2100 in any unit")
        if self._unit is None and len(times):
            self._unit, self._first = _unit_of(times[0]), times[0]
        unit = self._unit or 0
        low = END * int(PER_SECOND[unit - 1]) if unit else 0
        other = (times < low) | (times >= END * int(PER_SECOND[unit]))
        if other.any():
            row = int(np.argmax(other))
            raise self._error(
                first_row + row,
                f"the time {times[row]:g} looks like {UNITS[_unit_of(times[row])]}, "
                f"the first time {self._first:g} like {UNITS[unit]}",
            )
        seconds: npt.NDArray[np.int64] = np.floor_divide(times, int(PER_SECOND[unit])).astype(np.int64, copy=False)
        return seconds

    def _error(self, row: int, problem: str) -> Exception:
        return self.origin.error(row, problem, fix=NO_TIMES)


def _unit_of(moment: Any) -> int:
    """The unit, a position in UNITS, in which a number of the time line lies between 1970 and 2100."""
    return int(np.searchsorted(END * PER_SECOND, moment, side="right"))


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
