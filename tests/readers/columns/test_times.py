"""Times: units by magnitude, ISO dates, Arrow types; always whole seconds since 1970 UTC."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.rating_columns import Origin
from refeed.errors import DataError
from refeed.readers import read_columns
from refeed.readers.columns.texts import plain
from refeed.readers.columns.times import TimeColumn


def seconds(*batches):
    column, read = TimeColumn(Origin(column="time")), []
    for batch in batches:
        array = plain(batch if isinstance(batch, pa.Array) else pa.array(batch), column.origin, first_row=len(read))
        read += column.read(array, first_row=len(read)).tolist()
    return read, column.note


@pytest.mark.parametrize(
    ("texts", "expected", "note"),
    [
        (["978300760", "1"], [978300760, 1], "times: seconds since 1970 UTC"),
        (["978300760999", "978300761000"], [978300760, 978300761], "times: milliseconds since 1970 UTC"),
        (["978300760999999"], [978300760], "times: microseconds since 1970 UTC"),
        (["978300760999999999"], [978300760], "times: nanoseconds since 1970 UTC"),
        (["978300760.9", " 978300761 "], [978300760, 978300761], "times: seconds since 1970 UTC"),
        (["2001-01-01", "2001-01-01 00:00:01.9"], [978307200, 978307201], "times: dates without a zone, taken as UTC"),
        (["2001-01-01T02:00:00+02:00", "2001-01-01T00:00:00Z"], [978307200, 978307200], "times: dates with their zone"),
    ],
)
def test_texts_become_seconds(texts, expected, note):
    assert seconds(texts) == (expected, note)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([978307200], pa.int32()), 978307200),
        (pa.array([978307200.7]), 978307200),
        (pa.array([datetime.date(2001, 1, 1)], pa.date32()), 978307200),
        (pa.array([datetime.date(2001, 1, 1)], pa.date64()), 978307200),
        (pa.array([978307200999], pa.timestamp("ms")), 978307200),
        (pa.array([978307200], pa.timestamp("s", "Europe/Berlin")), 978307200),
        (pa.array(["2001-01-01"]).dictionary_encode(), 978307200),
    ],
)
def test_typed_times_become_seconds(array, expected):
    assert seconds(array)[0] == [expected]


def test_integers_in_one_batch_and_numbers_in_another_are_one_kind():
    assert seconds(["978300760"], ["978300761.5"], ["978300762"])[0] == [978300760, 978300761, 978300762]


@given(st.integers(1, 4_102_444_799))
def test_all_units_agree_where_they_are_unambiguous(moment):
    written = str(np.datetime64(moment, "s"))
    assert seconds([written])[0] == [moment]
    if moment * 1000 >= 4_102_444_800:
        assert seconds([moment * 1000 + 999])[0] == [moment]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (
            [["2001-01-01"], ["2001-01-01T00:00:00Z"]],
            r"'2001-01-01T00:00:00Z' cannot be read; expected dates, as above, in row 2",
        ),
        ([["2001-01-01", "5"]], "'5' cannot be read; expected dates"),
        ([["x"]], "'x' cannot be read; expected a number of seconds or an ISO date, in row 1"),
        ([pa.array([5]), pa.array([1], pa.timestamp("s"))], "times are integers above, but dates here"),
        ([pa.array([5, None])], "the time is missing, in row 2"),
        ([pa.array([True])], "this column holds bool"),
        ([["1969-01-01"]], "1969-01-01T00:00:00 is not after 1970-01-01"),
        ([["2150-01-01"]], "not after 1970-01-01 and before 2100"),
        ([[float("nan")]], "nan is not after 1970"),
        ([[9_000_000_000_000_000_000]], "before 2100 in any unit"),
    ],
)
def test_nonsense_and_mixtures_are_refused(batches, words):
    with pytest.raises(DataError, match=words):
        seconds(*batches)


def test_dates_of_a_file_are_seconds_of_midnight_utc(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating,date\na,b,1,2005-09-06\n")
    assert read_columns(path).timestamps.tolist() == [1125964800]
