"""Pairs of users and items come from CSV-like text and Parquet."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.errors import DataError
from refeed.readers.formats.pairs import read_pairs


def pairs_of(path, **options) -> list[tuple]:
    """The pairs as Python values."""
    users, items = read_pairs(path, **options)
    return list(zip(users.to_pylist(), items.to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user,item\n1,7\n2,8\n", [(1, 7), (2, 8)]),
        ("movieId;rating;userId\n7;5;1\n8;3;2\n", [(1, 7), (2, 8)]),
        ("1\t7\n2\t8\n", [(1, 7), (2, 8)]),
        ("1::7\n2::8", [(1, 7), (2, 8)]),
        ("1|7|whatever\n2|8|more\n", [(1, 7), (2, 8)]),
        ("\ufeffuser,item\r\n1,7\r\n\r\n2,8\r\n", [(1, 7), (2, 8)]),
        ("\n\n1,7\n2,8\n", [(1, 7), (2, 8)]),
        ('user,item\n"a, b",x\n"c ""d""",y\n', [("a, b", "x"), ('c "d"', "y")]),
        ("01,7\n2,8\n", [("01", 7), ("2", 8)]),
        ("a b,7\n🎬,8\n", [("a b", 7), ("🎬", 8)]),
    ],
)
def test_delimiter_and_header_are_found(tmp_path, text, expected):
    (tmp_path / "pairs.txt").write_bytes(text.encode())
    assert pairs_of(tmp_path / "pairs.txt") == expected


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("wer,was\n1,7\n", {"user": "wer", "item": "was"}),
        ("7,1\n", {"user": "2", "item": "1"}),
        ("item,x,user_id\n7,9,1\n", {"item": "item"}),
        ("x,user,item\n7,9,1\n", {"user": "item", "item": "1"}),
    ],
)
def test_columns_are_named_or_numbered(tmp_path, text, options):
    (tmp_path / "pairs.csv").write_text(text)
    assert pairs_of(tmp_path / "pairs.csv", **options) == [(1, 7)]


def test_compressed_text_is_read_in_place(tmp_path):
    (tmp_path / "pairs.csv.gz").write_bytes(gzip.compress(b"user,item\n1,7\n"))
    assert pairs_of(tmp_path / "pairs.csv.gz") == [(1, 7)]


@pytest.mark.parametrize(
    "users", [pa.array([1, 2, 3]), pa.array(["1", "02", "x"]), pa.array(["a", "b", "a"]).dictionary_encode()]
)
def test_parquet_keeps_the_types_of_its_ids(tmp_path, users):
    table = pa.table({"movieId": [7, 8, 9], "rating": [1.0, 2.0, 3.0], "userId": users})
    pq.write_table(table, tmp_path / "pairs.parquet", row_group_size=2)
    assert pairs_of(tmp_path / "pairs.parquet") == list(zip(users.to_pylist(), [7, 8, 9], strict=True))


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(0, 99)), min_size=1, max_size=30), st.sampled_from(",\t;|")
)
def test_integers_survive_any_delimiter(tmp_path_factory, pairs, delimiter):
    path = tmp_path_factory.mktemp("pairs") / "pairs.txt"
    path.write_text("".join(f"{user}{delimiter}{item}\n" for user, item in pairs))
    assert pairs_of(path) == pairs


def test_known_columns_hold_where_the_file_has_them(tmp_path):
    numbers, names = {"user": "2", "item": "1"}, {"user": "Kunde", "item": "Film"}
    (tmp_path / "pairs.csv").write_text("7,1\n8,2\n")
    assert pairs_of(tmp_path / "pairs.csv", known=numbers) == [(1, 7), (2, 8)]
    assert pairs_of(tmp_path / "pairs.csv", known=names) == [(7, 1), (8, 2)]
    assert pairs_of(tmp_path / "pairs.csv", known=numbers, user="1", item="2") == [(7, 1), (8, 2)]
    (tmp_path / "pairs.csv").write_text("Film,Kunde\n7,1\n")
    assert pairs_of(tmp_path / "pairs.csv", known=names) == [(1, 7)]
    (tmp_path / "pairs.csv").write_text("item,user\n7,1\n")
    assert pairs_of(tmp_path / "pairs.csv", known=names) == [(1, 7)]


def test_parquet_columns_of_one_name_are_refused(tmp_path):
    columns = [pa.array([1, 2]), pa.array([3, 4])]
    pq.write_table(pa.table(columns, names=["id", "id"]), tmp_path / "pairs.parquet")
    assert "several columns are called 'id'" in str(refusal(tmp_path / "pairs.parquet", user="1", item="2"))


def refusal(path, **options) -> DataError:
    """The error on reading pairs; it names the file and says what to do."""
    with pytest.raises(DataError) as caught:
        read_pairs(path, **options)
    assert caught.value.path == path
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize(
    ("text", "options", "line", "column", "words"),
    [
        ("", {}, None, None, "the file is empty"),
        ("\n\n", {}, None, None, "the file is empty"),
        ("user,item\n", {}, None, None, "there are no pairs"),
        ("1\n2\n", {}, 1, None, "expected two columns, user and item, found '1'"),
        ("1 7\n", {}, 1, None, "expected two columns"),
        ("user,item\n1,7\n2\n", {}, 3, None, "expected 2 fields, found 1: '2'"),
        ("user,item\n1,7\n2,8,9\n", {}, 3, None, "expected 2 fields, found 3"),
        ("1::7\n1:x:2\n", {}, 2, None, "expected 2 fields, found 1: '1:x:2'"),
        ("user,item\n1,7\n,8\n", {}, 3, "user", "the user id is empty"),
        ("1,7\n1,\n", {}, 2, "2", "the item id is empty"),
        ("user,thing\n1,7\n", {}, None, None, "no column looks like the item; the columns are 'user', 'thing'"),
        ("user,item,movie\n1,7,8\n", {}, None, None, "several columns may be the item: 'item', 'movie'"),
        ("user,item\n1,7\n", {"user": "person"}, None, None, "there is no column 'person'"),
        ("user,item\n1,7\n", {"user": "3"}, None, None, "there is no column '3'"),
        ("user,item\n1,7\n", {"user": "item"}, None, None, "column 'item' is taken as both user and item"),
    ],
)
def test_bad_pairs_are_named_with_their_line(tmp_path, text, options, line, column, words):
    (tmp_path / "pairs.csv").write_text(text)
    error = refusal(tmp_path / "pairs.csv", **options)
    assert words in error.problem
    assert (error.line, error.column) == (line, column)


def test_text_that_is_not_utf_8_is_named_with_its_line(tmp_path):
    (tmp_path / "pairs.csv").write_bytes(b"user,item\n1,7\n\xff,8\n")
    error = refusal(tmp_path / "pairs.csv")
    assert (error.line, error.column) == (3, "user")
    assert "are not UTF-8 text" in error.problem


def whole_parquet(table: pa.Table) -> bytes:
    """The table as Parquet."""
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (whole_parquet(pa.table({"user": [1], "item": [2]}))[:-10], "not a complete Parquet file"),
        (whole_parquet(pa.table({"user": [1, None], "item": [2, 3]})), "the user id is empty, in row 2"),
        (whole_parquet(pa.table({"user": [1.5], "item": [2]})), "user ids are integers or texts, but this column holds double"),
        (whole_parquet(pa.table({"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64())})), "there are no pairs"),
        (whole_parquet(pa.table({"a": [1], "b": [2]})), "no column looks like the user"),
        (gzip.compress(b"user,item\n1,7\n" * 99, mtime=0)[:-9], "the file is damaged or cut off"),
    ],
)
def test_damaged_or_unfit_files_are_refused(tmp_path, content, words):
    (tmp_path / "pairs.parquet").write_bytes(content)
    assert words in refusal(tmp_path / "pairs.parquet").problem


def test_absent_file_and_folder_are_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.csv").problem
    assert "this is a folder" in refusal(tmp_path).problem
