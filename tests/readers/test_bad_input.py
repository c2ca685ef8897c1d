"""Bad input: each message says the file, the line, the column, and what to do."""

import gzip
import os
import zipfile

import pytest

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError, DataError
from refeed.readers import read_columns, read_ratings
from refeed.readers.source import HEAD

GOOD = "user,item,rating,time\n1,1,3,978300760\n1,2,4,978300761\n"


def refusal(tmp_path, content, name="bad.csv", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_ratings(path, **options)
    assert caught.value.fix
    assert name in str(caught.value)
    return caught.value


@pytest.mark.parametrize("content", ["", "\n\n", " "])
def test_an_empty_file_is_named(tmp_path, content):
    assert "is empty" in refusal(tmp_path, content).problem


def test_a_header_alone_holds_no_ratings(tmp_path):
    assert "no ratings" in refusal(tmp_path, "user,item,rating\n").problem


@pytest.mark.parametrize(
    ("content", "options", "line", "column", "words"),
    [
        (GOOD + "1,3,good,978300762\n", {}, 4, "rating", "'good' is not a number"),
        (GOOD + "\n\n1,3,good,978300762\n", {}, 6, "rating", "'good' is not a number"),
        ("1,1,3\n1,2,NA\n", {}, 2, "3", "'NA' is not a number"),
        (GOOD + "1,3,nan,978300762\n", {}, 4, None, "NaN"),
        (GOOD + "1,3,,978300762\n", {}, 4, None, "absent"),
        (GOOD + "1,3,-inf,978300762\n", {}, 4, None, "-inf is not finite"),
        (GOOD + "1,3,1e39,978300762\n", {}, 4, None, "1e+39 is not finite"),
        (GOOD, {"scale": RatingScale(1, 3)}, 3, None, "4 is outside the declared scale 1 to 3"),
        (GOOD + "1,3,4\n", {}, 4, None, "expected 4 fields, found 3: '1,3,4'"),
        (GOOD + "1,3,4,5,6\n", {}, 4, None, "expected 4 fields, found 5"),
        ("1::2::3\n1::2::3::4\n1::3::3\n", {}, 2, None, "expected 3 fields, found 4"),
        ("1::2::3\n1:x:2::3\n", {}, 2, None, "expected 3 fields, found 2: '1:x:2::3'"),
        (GOOD + ",3,4,978300762\n", {}, 4, "user", "user id is empty"),
        (GOOD + "1,,4,978300762\n", {}, 4, "item", "item id is empty"),
        (GOOD + "1,3,4,\n", {}, 4, "time", "time is missing"),
        (GOOD + "1,3,4,soon\n", {}, 4, "time", "'soon' cannot be read"),
        (GOOD + "1,3,4,2001-01-01\n", {}, 4, "time", "'2001-01-01' cannot be read"),
        (GOOD + "1,3,4,0\n", {}, 4, "time", "0 is not after 1970"),
        (GOOD + "1,3,4,-1\n", {}, 4, "time", "-1 is not after 1970"),
        (GOOD + "1,3,4,978300762000\n", {}, 4, "time", "looks like milliseconds"),
        (GOOD + "1,2,3,978300762\n", {}, 4, None, "user 1 rated item 2 again, first in line 3 (1 such repeats in all)"),
        (GOOD.encode() + b"1,\xff\xfe,3,978300762\n", {}, 4, "item", "not UTF-8"),
        (GOOD, {"delimiter": ";"}, 1, None, "splits the first lines into 1 field(s)"),
        ("abc\ndef\n", {}, 1, None, "no delimiter splits the first lines into 3 or more fields"),
        ("user,item,rating\n1,2,3,4\n1,3,3,4\n", {}, 1, None, "the header has 3 columns, but the rows have 4"),
    ],
)
def test_a_bad_line_is_named_with_its_problem(tmp_path, content, options, line, column, words):
    error = refusal(tmp_path, content, **options)
    assert (error.line, error.column) == (line, column)
    assert words in error.problem


def test_latin_1_is_offered_and_then_works(tmp_path):
    content = "user,item,rating\nJosé,1,3\n".encode("latin-1")
    assert "encoding='latin-1'" in refusal(tmp_path, content).fix
    assert read_ratings(tmp_path / "bad.csv", encoding="latin-1").users.decode([0]) == ["José"]


def test_a_wrong_encoding_is_named(tmp_path):
    assert "not ascii text" in refusal(tmp_path, "user,item,rating\nJosé,1,3\n", encoding="ascii").problem
    assert "zero bytes" in refusal(tmp_path, GOOD.encode("utf-16")).problem


def test_a_quote_that_is_never_closed_is_hinted_at(tmp_path):
    assert "double quote" in refusal(tmp_path, GOOD + '1,"3,4,5\n2,2,2,2\n').fix
    error = refusal(tmp_path, GOOD + '1,"' + "x" * 9_000_000 + '",4,978300762\n2,2,2,978300762\n')
    assert "cannot be parsed" in error.problem
    assert "double quote" in error.fix


@pytest.mark.parametrize(
    ("content", "options", "words", "fix"),
    [
        (
            "user,item,price\n1,2,3\n",
            {},
            "no column looks like the rating; the columns are 'user', 'item', 'price'",
            "rating='…'",
        ),
        ("user,movie,item,rating\n1,2,3,4\n", {}, "several columns may be the item: 'movie', 'item'", "item='…'"),
        (GOOD, {"user": "who"}, "there is no column 'who'; the columns are 'user', 'item', 'rating', 'time'", "user='…'"),
        (GOOD, {"user": "9"}, "there is no column '9'", "from 1 to 4"),
        (GOOD, {"labels": ("fold",)}, "there is no column 'fold'", "labels"),
        (GOOD, {"user": "item"}, "column 'item' is taken as both user and item", "--user"),
        ("1,2,3\n", {"user": "2"}, "column '2' is taken as both user and item", "--item"),
        ("user,user,item,rating\n1,2,3,4\n", {"user": "user"}, "several columns are called 'user'", "user='1'"),
    ],
)
def test_columns_that_are_ambiguous_are_listed(tmp_path, content, options, words, fix):
    error = refusal(tmp_path, content, **options)
    assert words in error.problem
    assert fix in error.fix


def test_many_labels_and_missing_ones_are_refused(tmp_path):
    rows = "".join(f"1,{n},3,fold{n}\n" for n in range(256))
    assert "more than 255" in refusal(tmp_path, "user,item,rating,fold\n" + rows, labels=("fold",)).problem


def test_cut_off_gzip_is_reported_as_damaged(tmp_path):
    data = gzip.compress(GOOD.encode() * 100)
    assert "damaged or cut off" in refusal(tmp_path, data[:-9], "cut.csv.gz").problem
    assert "damaged or cut off" in refusal(tmp_path, data[:-6] + b"\0" + data[-5:], "crc.csv.gz").problem


@pytest.mark.parametrize("cut", [-9, -100])
def test_gzip_that_is_cut_off_far_behind_its_start_is_reported_as_damaged(tmp_path, cut):
    rows = "".join(f"{row},{row * row % 9973},3,{978300760 + row}\n" for row in range(20_000))
    assert len(rows) > 2 * HEAD
    data = gzip.compress(("user,item,rating,time\n" + rows).encode())
    assert "damaged or cut off" in refusal(tmp_path, data[:cut], "cut.csv.gz").problem


def test_cut_off_zip_is_reported_as_damaged(tmp_path):
    path = tmp_path / "whole.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ratings.csv", GOOD)
    assert "damaged or cut off" in refusal(tmp_path, path.read_bytes()[:-30], "cut.zip").problem


def test_a_zip_with_several_or_no_candidates_names_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", GOOD)
        archive.writestr("b.csv", GOOD)
    with pytest.raises(DataError, match=r"several files that may be the ratings: a\.csv, b\.csv"):
        read_ratings(tmp_path / "two.zip")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("picture.png", "x")
    with pytest.raises(DataError, match="holds no text file of ratings"):
        read_ratings(tmp_path / "none.zip")


def test_a_zip_that_cannot_be_unpacked_says_so(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "locked.zip", "w") as archive:
        archive.writestr("ratings.csv", GOOD)

    def refuse(*_args):
        raise RuntimeError("File is encrypted, password required")

    monkeypatch.setattr(zipfile.ZipFile, "open", refuse)
    with pytest.raises(DataError, match=r"cannot be unpacked \(File is encrypted"):
        read_ratings(tmp_path / "locked.zip")


@pytest.mark.parametrize(
    ("magic", "words"), [(b"PAR1", "not a complete Parquet file"), (b"ARROW1", "not a complete Arrow file")]
)
def test_cut_off_tables_are_reported_as_incomplete(tmp_path, magic, words):
    assert words in refusal(tmp_path, magic + b"x" * 100, "cut.table").problem


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: there is no such file or folder"):
        read_ratings(tmp_path / "nowhere.csv")


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "secret.csv"
    path.write_text(GOOD)

    def refuse(*_args, **_options):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(DataError, match=r"secret\.csv: cannot be read \(Permission denied\)"):
        read_ratings(path)


def test_a_link_to_nothing_in_a_folder_is_named(tmp_path):
    (tmp_path / "mv_1.txt").write_text("1:\n1,3,2005-09-06\n")
    (tmp_path / "mv_2.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"mv_2\.txt: there is no such file"):
        read_ratings(tmp_path)


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        read_ratings(tmp_path)


def test_a_folder_that_holds_nothing_known_lists_what_there_is(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no ratings in a known layout .* it holds holiday\.jpg"):
        read_ratings(tmp_path)


def test_a_folder_with_several_layouts_asks_which(tmp_path):
    (tmp_path / "ratings.csv").write_text(GOOD)
    (tmp_path / "part.parquet").write_bytes(b"x")
    with pytest.raises(DataError, match=r"several layouts \(movielens, parquet"):
        read_ratings(tmp_path)
    (tmp_path / "part.parquet").unlink()
    (tmp_path / "u.data").write_text(GOOD)
    with pytest.raises(DataError, match=r"several rating files: ratings\.csv, u\.data"):
        read_ratings(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layout": "movilens"}, "did you mean 'movielens'"),
        ({"delimiter": "abc"}, "expected one ASCII character"),
        ({"encoding": "utf-9"}, "'utf-9' is unknown"),
        ({"layout": "netflix", "user": "1"}, "has fixed columns"),
    ],
)
def test_options_that_do_not_exist_or_apply_are_refused(tmp_path, options, words):
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    with pytest.raises(ConfigError, match=words):
        read_columns(path, **options)


def test_a_source_of_another_kind_is_refused():
    with pytest.raises(DataError, match=r"expected a path, a table .* got int"):
        read_ratings(5)
