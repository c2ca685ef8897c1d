"""Delimited text: what is found out by itself, and what comes back unchanged."""

import bz2
import gzip
import re
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError, DataError
from refeed.readers import read_columns, read_ratings

ROWS = [("7", "10", "4.5", "978300760"), ("7", "11", "3", "978300761"), ("8", "10", "0", "978300762")]
HEADER = ("userId", "movieId", "rating", "timestamp")


def write(tmp_path, text, name="ratings.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def lines(rows, delimiter, end="\n"):
    return "".join(delimiter.join(row) + end for row in rows)


def check(columns):
    assert columns.users.to_pylist() == [7, 7, 8]
    assert columns.items.to_pylist() == [10, 11, 10]
    assert columns.values.tolist() == [4.5, 3.0, 0.0]
    assert columns.timestamps.tolist() == [978300760, 978300761, 978300762]


@pytest.mark.parametrize("delimiter", ["::", "\t", ",", ";", "|", " "])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiter_header_and_line_ends_are_found(tmp_path, delimiter, header, end):
    columns = read_columns(write(tmp_path, lines([HEADER, *ROWS] if header else ROWS, delimiter, end)))
    check(columns)
    assert ("with a header" in columns.notes[0]) == header
    assert columns.origin.locate(2)[1] == (4 if header else 3)


def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path):
    check(read_columns(write(tmp_path, "\ufeff" + lines([HEADER, *ROWS], ","))))


def test_runs_of_spaces_are_one_delimiter(tmp_path):
    check(read_columns(write(tmp_path, lines([(f"  {u}", i, r, f"{t} ") for u, i, r, t in ROWS], "   "))))


def test_utf_16_is_read_with_its_encoding(tmp_path):
    check(read_columns(write(tmp_path, lines([HEADER, *ROWS], ","), encoding="utf-16"), encoding="utf-16"))


@pytest.mark.parametrize(("name", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("semicolon", ";"), ("~", "~")])
def test_a_delimiter_may_be_given_by_name_or_character(tmp_path, name, delimiter):
    check(read_columns(write(tmp_path, lines(ROWS, delimiter)), delimiter=name))


def test_quoted_fields_may_hold_delimiters_quotes_and_line_breaks(tmp_path):
    path = write(tmp_path, 'user,item,rating\n"a, b","say ""hi""",1\n"line\nbreak",x,2\nlast,x,3\n')
    columns = read_columns(path)
    assert columns.users.to_pylist() == ["a, b", "line\nbreak", "last"]
    assert columns.items.to_pylist() == ['say "hi"', "x", "x"]
    assert [columns.origin.locate(row)[1] for row in range(3)] == [2, 3, 5]


def test_columns_may_be_given_by_name_or_number_in_any_order(tmp_path):
    path = write(tmp_path, "when,stars_given,what,who\n2000-01-01,4,x,a\n")
    for options in (
        {"user": "who", "item": "what", "rating": "stars_given", "time": "when"},
        {"user": "4", "item": "3", "rating": "2", "time": "1"},
    ):
        columns = read_columns(path, **options)
        assert (columns.users.to_pylist(), columns.items.to_pylist(), columns.values.tolist()) == (["a"], ["x"], [4.0])
        assert columns.timestamps.tolist() == [946684800]


@pytest.mark.parametrize(
    "header",
    [
        "userId,movieId,rating,timestamp",
        "User-ID;ISBN;Book-Rating;Date",
        "reviewerID,asin,overall,unixReviewTime",
        "uid,joke_id,score,ts",
    ],
)
def test_usual_names_are_found(tmp_path, header):
    delimiter = ";" if ";" in header else ","
    check(read_columns(write(tmp_path, header + "\n" + lines(ROWS, delimiter))))


def test_without_a_header_columns_are_taken_by_position_and_noted(tmp_path):
    columns = read_columns(write(tmp_path, lines(ROWS, ",")))
    assert "columns: user '1', item '2', rating '3', time '4'" in columns.notes


def test_times_can_be_left_out(tmp_path):
    assert read_columns(write(tmp_path, lines([HEADER, *ROWS], ",")), time="").timestamps is None
    assert read_columns(write(tmp_path, lines(ROWS, ",")), time="").timestamps is None


def test_a_header_of_unusual_names_is_known_by_the_numbers_below(tmp_path):
    columns = read_columns(write(tmp_path, "a,b,c\n1,2,3\n"), user="a", item="b", rating="c")
    assert len(columns) == 1
    assert len(read_columns(write(tmp_path, "a,b,c\nx,y,3\n"), user="1", item="2", rating="3")) == 1


def test_header_may_be_given(tmp_path):
    names = write(tmp_path, "1,2,3\na,x,3\n")
    assert read_columns(names, header=True, user="1", item="2", rating="3").users.to_pylist() == ["a"]
    assert read_columns(names, header=False).users.to_pylist() == ["1", "a"]


def test_first_line_of_texts_above_texts_is_no_header(tmp_path):
    with pytest.raises(DataError, match="line 1, column '3': the rating 'z' is not a number"):
        read_columns(write(tmp_path, "x,y,z\na,b,c\n"))


def test_ids_stay_texts_unless_all_are_canonical_integers(tmp_path):
    padded = read_columns(write(tmp_path, "1,0002844,3\n2,7,4\n"))
    assert padded.items.to_pylist() == ["0002844", "7"]
    assert padded.users.type.value_type == pa.int64()
    mixed = read_columns(write(tmp_path, "1,a,3\nx,b,4\n"))
    assert mixed.users.to_pylist() == ["1", "x"]


def test_an_integer_block_before_a_text_block_becomes_text_again(tmp_path):
    count = 30
    path = write(tmp_path, "".join(f"{n},1,3\n" for n in range(count)) + "x,1,3\n")
    columns = read_columns(path, block_bytes=100, block_rows=10)
    assert columns.users.type.value_type == pa.large_string()
    assert columns.users[0].as_py() == "0"
    assert columns.users[count].as_py() == "x"


@pytest.mark.parametrize("id_", ["two words", "📚", "x" * 10_000, "-5", "a:b", "é", "1e5", "99999999999999999999"])
def test_unusual_ids_come_back_as_they_came(tmp_path, id_):
    ratings = read_ratings(write(tmp_path, f"user,item,rating\n{id_},{id_},3\n"))
    assert [str(i) for i in ratings.users.decode([0]) + ratings.items.decode([0])] == [id_, id_]


def test_labels_become_codes_with_sorted_names(tmp_path):
    path = write(tmp_path, "user,item,rating,fold\n1,1,1,train\n1,2,2,test\n1,3,3,train\n")
    label = read_columns(path, labels=("fold",)).labels["fold"]
    assert (label.names, label.codes.tolist()) == (("test", "train"), [1, 0, 1])


@pytest.mark.parametrize("ending", ["gz", "bz2", "zst", "zip"])
def test_compressed_files_are_read_in_place(tmp_path, ending):
    text = lines([HEADER, *ROWS], ",").encode()
    path = tmp_path / f"ratings.csv.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("set/README.txt", "read me")
            archive.writestr("__MACOSX/set/ratings.csv", "x")
            archive.writestr("set/ratings.csv", text)
            archive.writestr("set/tags.csv", "x")
    elif ending == "zst":
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(text)
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2}[ending].compress(text))
    columns = read_columns(path)
    check(columns)
    assert columns.origin.locate(0)[1] == 2


def test_blank_lines_are_skipped_and_counted_in_line_numbers(tmp_path):
    columns = read_columns(write(tmp_path, "user,item,rating\n\n1,1,1\n\n\n2,2,2\n\n"))
    assert [columns.origin.locate(row)[1] for row in (0, 1)] == [3, 6]


def test_spaces_around_numbers_and_absent_ratings_are_understood(tmp_path):
    columns = read_columns(write(tmp_path, "user,item,rating\n1,1, 4 \n1,2,\n1,3,inf\n1,4,nan\n"))
    np.testing.assert_array_equal(columns.values, [4.0, np.nan, np.inf, np.nan])


def test_duplicates_are_kept_merged_or_refused_by_the_policy(tmp_path):
    path = write(tmp_path, "1,1,2\n1,1,4\n")
    assert len(read_columns(path)) == 2
    assert read_ratings(path, duplicates="last").values.tolist() == [4.0]
    assert read_ratings(path, duplicates="mean").values.tolist() == [3.0]


def test_the_declared_scale_is_that_of_the_ratings(tmp_path):
    assert read_ratings(write(tmp_path, "1,1,2\n1,2,4\n"), scale=RatingScale(1, 5)).scale == RatingScale(1, 5)


ids = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ids, ids, st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=20))
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, rows):
    import csv

    path = tmp_path_factory.mktemp("csv") / "ratings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(("user", "item", "rating"))
        writer.writerows(rows)
    columns = read_columns(path)
    assert [str(i) for i in columns.users.to_pylist()] == [user for user, _, _ in rows]
    assert [str(i) for i in columns.items.to_pylist()] == [item for _, item, _ in rows]
    assert columns.values.tolist() == [value for _, _, value in rows]


def test_field_may_hold_a_single_colon_where_two_are_the_delimiter(tmp_path):
    columns = read_columns(write(tmp_path, "7::Alien: 3::4.5::978300760\n7:x::10::3::978300761\n"))
    assert columns.users.to_pylist() == ["7", "7:x"]
    assert columns.items.to_pylist() == ["Alien: 3", "10"]
    assert columns.values.tolist() == [4.5, 3]


def test_double_colons_in_utf_16_are_read(tmp_path):
    check(read_columns(write(tmp_path, lines(ROWS, "::"), encoding="utf-16"), encoding="utf-16"))


@pytest.mark.parametrize("quote", ["", '"'])
def test_decimal_commas_are_read_with_decimal_comma(tmp_path, quote):
    rows = [("1", str(number), f"{quote}{text}{quote}") for number, text in enumerate(["3,5", " -0,25 ", "4"])]
    path = write(tmp_path, lines([("user", "item", "rating"), *rows], ";"))
    assert read_columns(path, decimal=",").values.tolist() == [3.5, -0.25, 4]
    with pytest.raises(DataError, match="the rating '3,5' is not a number") as caught:
        read_columns(path)
    assert caught.value.fix == "If a comma is the decimal sign here, say so: decimal=',' (--decimal ,)."


@pytest.mark.parametrize("text", ["3.5", "1.000,5", "x"])
def test_points_are_no_decimal_commas(tmp_path, text):
    path = write(tmp_path, f"user;item;rating\n1;1;3,5\n1;2;{text}\n")
    with pytest.raises(
        DataError, match=rf"line 3, column 'rating': the rating '{re.escape(text)}' is not a number\n  Correct it"
    ):
        read_columns(path, decimal=",")


def test_other_decimal_signs_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"decimal: expected '\.' or ',', got ';'"):
        read_columns(write(tmp_path, lines(ROWS, ",")), decimal=";")


def test_rows_without_a_rating_are_skipped_with_missing_skip(tmp_path):
    path = write(tmp_path, "user,item,rating,time\n9,1,,5\n1,1,3,5\n1,2,nan,6\n1,3,4,7\n")
    ratings = read_ratings(path, missing="skip")
    assert (ratings.users.ids.to_pylist(), ratings.items.ids.to_pylist()) == ([1], [1, 3])
    assert (ratings.values.tolist(), ratings.timestamps.tolist()) == ([3, 4], [5, 7])
    assert ratings.notes[-1] == "missing: 2 row(s) without a rating are skipped"
    with pytest.raises(DataError, match=r"line 2: the rating is absent or not a number \(NaN\) \(2 such rating\(s\) in all\)"):
        read_ratings(path)


def test_infinite_ratings_and_repeats_are_refused_with_their_lines_although_rows_are_skipped(tmp_path):
    path = write(tmp_path, "user,item,rating\n1,1,\n1,2,inf\n")
    with pytest.raises(DataError, match=r"line 3: the rating inf is not finite \(1 such"):
        read_ratings(path, missing="skip")
    path = write(tmp_path, "user,item,rating\n1,1,\n1,2,3\n1,9,\n1,2,4\n")
    with pytest.raises(DataError, match=r"line 5: user 1 rated item 2 again, first in line 3 \(1 such"):
        read_ratings(path, missing="skip")


def test_source_without_any_rating_is_refused(tmp_path):
    with pytest.raises(DataError, match="no row has a rating"):
        read_ratings(write(tmp_path, "user,item,rating\n1,1,\n1,2,nan\n"), missing="skip")
