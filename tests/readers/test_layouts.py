"""Folders and files of known data sets, in small, and the real ones where they are at hand."""

import gzip
import zipfile

import pytest

from refeed.data.ratings import Ratings
from refeed.data.store.store import write_store
from refeed.errors import DataError
from refeed.readers import read_columns, read_ratings
from refeed.readers.reading import layout_of

NETFLIX = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n\n2:\n2059652,4,2005-09-05\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.data", "1\t2\t3\t978300760\n"),
        ("ratings.dat", "1::2::3::978300760\n"),
        ("ratings.csv", "userId,movieId,rating\n1,2,3\n"),
    ],
)
def test_movielens_folders_and_archives_are_known(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / "movies.csv").write_text("movieId,title\n2,x\n")
    assert read_columns(tmp_path).items.to_pylist() == [2]
    assert read_columns(tmp_path, layout="movielens").origin.path == tmp_path / name
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(f"set/{name}", text)
        archive.writestr("set/u1.base", text)
    assert read_columns(tmp_path / "set.zip", layout="movielens").users.to_pylist() == [1]


def test_layout_of_a_path_is_known_without_reading_it(tmp_path):
    write_store(Ratings.from_columns([1], [2], [3]), tmp_path / "store")
    (tmp_path / "combined_data_1.txt").write_text(NETFLIX)
    (tmp_path / "ratings.csv").write_text("user,item,rating\n1,2,x\n")
    assert [layout_of(tmp_path / name) for name in ("store", "combined_data_1.txt", "ratings.csv")] == [
        "store",
        "netflix",
        "delimited",
    ]


def test_a_folder_with_a_compressed_file_is_known(tmp_path):
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(b"user,item,rating\n1,2,3\n"))
    assert len(read_columns(tmp_path)) == 1


def check_netflix(columns):
    assert columns.users.to_pylist() == [1488844, 822109, 2059652]
    assert columns.items.to_pylist() == [1, 1, 2]
    assert columns.values.tolist() == [3.0, 5.0, 4.0]
    assert columns.timestamps.tolist() == [1125964800, 1115942400, 1125878400]


def test_a_combined_netflix_file_is_known(tmp_path):
    (tmp_path / "combined_data_1.txt").write_text(NETFLIX)
    columns = read_columns(tmp_path / "combined_data_1.txt")
    check_netflix(columns)
    assert [columns.origin.locate(row)[1] for row in range(3)] == [2, 3, 6]
    check_netflix(read_columns(tmp_path))


def test_the_published_netflix_folder_is_known(tmp_path):
    (tmp_path / "training_set").mkdir()
    first, second = NETFLIX.split("\n\n")
    (tmp_path / "training_set" / "mv_0000001.txt").write_text(first)  # without a line break at its end
    (tmp_path / "training_set" / "mv_0000002.txt").write_text(second)
    (tmp_path / "probe.txt").write_text("1:\n5\n")
    columns = read_columns(tmp_path)
    check_netflix(columns)
    assert columns.origin.error(2, "x", fix="y").line == 2
    assert columns.origin.error(2, "x", fix="y").path.name == "mv_0000002.txt"


def test_many_netflix_blocks_keep_their_movies(tmp_path):
    path = tmp_path / "combined_data_1.txt"
    path.write_text("".join(f"{movie}:\n" + f"{movie},3,2005-09-06\n" * 30 for movie in range(1, 101)))
    columns = read_columns(path, block_bytes=100)
    assert len(columns) == 3_000
    assert columns.users.equals(columns.items)


@pytest.mark.parametrize(
    ("second", "line", "words"),
    [
        ("2:\n5,x,2005-09-06\n", 2, "'x' is not a number"),
        ("2:\n5,3\n", 2, "expected 3 fields, found 2: '5,3'"),
        ("two:\n5,3,2005-09-06\n", 1, "expected 3 fields, found 1: 'two:'"),
        ("2:\n5,3,yesterday\n", 2, "'yesterday' cannot be read"),
    ],
)
def test_a_bad_netflix_line_is_named_with_its_own_file(tmp_path, second, line, words):
    (tmp_path / "mv_1.txt").write_text("1:\n1,3,2005-09-06\n")
    (tmp_path / "mv_2.txt").write_text(second)
    with pytest.raises(DataError, match=words) as caught:
        read_columns(tmp_path)
    assert (caught.value.path.name, caught.value.line) == ("mv_2.txt", line)


def test_netflix_ratings_without_a_movie_are_refused(tmp_path):
    (tmp_path / "combined_data_1.txt").write_text("5,3,2005-09-06\n1:\n")
    with pytest.raises(DataError, match="before the line of their movie"):
        read_columns(tmp_path)


def test_triplet_folders_of_the_original_program_are_known(tmp_path):
    (tmp_path / "b.txt").write_text("3\t1\t4\n")
    (tmp_path / "a.txt").write_text("1\t1\t5\n2\t1\t3")
    (tmp_path / "README.txt").write_text("words")
    columns = read_columns(tmp_path)
    assert (columns.users.to_pylist(), columns.values.tolist()) == ([1, 2, 3], [5.0, 3.0, 4.0])
    assert read_columns(tmp_path / "a.txt", layout="triplets").items.to_pylist() == [1, 1]


@pytest.mark.parametrize(("text", "words"), [("1\t2\n", "expected 3 fields, found 2"), ("1\t2\tx\n", "'x' is not a number")])
def test_a_bad_triplet_is_named_with_its_own_file(tmp_path, text, words):
    (tmp_path / "a.txt").write_text("1\t1\t5\n")
    (tmp_path / "b.txt").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        read_columns(tmp_path)
    assert (caught.value.path.name, caught.value.line) == ("b.txt", 1)


def sheet(*rows):
    return "".join(",".join([str(len(row))] + [str(row.get(joke, 99)) for joke in range(1, 101)]) + "\n" for row in rows)


def test_jester_sheets_are_known_and_numbered_from_1(tmp_path):
    (tmp_path / "jester-data-1.csv").write_text(sheet({1: 0, 100: -9.5}, {2: 3.25}))
    with zipfile.ZipFile(tmp_path / "jester-data-2.zip", "w") as archive:
        archive.writestr("jester-data-2.csv", sheet({5: 1}))
    columns = read_columns(tmp_path)
    assert columns.users.to_pylist() == [1, 1, 2, 3]
    assert columns.items.to_pylist() == [1, 100, 2, 5]
    assert columns.values.tolist() == [0.0, -9.5, 3.25, 1.0]
    assert len(read_columns(tmp_path / "jester-data-1.csv")) == 3


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("7" + ",99" * 100, "the first cell says 7 ratings, but 0 cells are not 99"),
        ("1,x" + ",99" * 99, "'x' is not a number"),
        ("1,2", "expected 101 fields, found 2"),
    ],
)
def test_a_bad_jester_row_is_named(tmp_path, bad, words):
    path = tmp_path / "jester-data-1.csv"
    path.write_text(sheet({1: 0}) + bad + "\n")
    with pytest.raises(DataError, match=words) as caught:
        read_columns(path)
    assert caught.value.line == 2


@pytest.mark.parametrize("first", ["user,item,rating" + ",x" * 98, "1,10,3" + ",99" * 98])
def test_other_tables_of_101_columns_are_no_jester_sheets(tmp_path, first):
    (tmp_path / "wide.csv").write_text(first + "\n" + "1,11,4" + ",0" * 98 + "\n")
    assert read_columns(tmp_path / "wide.csv", time="").items.to_pylist()[-1] == 11


@pytest.mark.parametrize("layout", ["netflix", "triplets", "jester", "movielens", "delimited", "arrow", "parquet"])
def test_a_layout_that_is_not_there_is_refused(tmp_path, layout):
    with pytest.raises(DataError, match=r"there is no|there are no|no rating file|is one of files"):
        read_columns(tmp_path, layout=layout)


@pytest.mark.parametrize(
    ("name", "ratings", "users", "items"),
    [
        ("ml-latest-small", 100_836, 610, 9_724),
        ("ml-100k", 100_000, 943, 1_682),
        ("ml-1m-prefix", 487_650, 2_999, 3_615),
        ("movietweetings-100k", 100_000, 16_554, 10_506),
        ("jester-1", 1_810_455, 24_983, 100),
    ],
)
def test_real_data_has_the_published_counts(datasets, name, ratings, users, items):
    read = read_ratings(datasets / name)
    assert (len(read), read.num_users, read.num_items) == (ratings, users, items)


def test_real_parquet_has_its_splits(datasets):
    read = read_ratings(datasets / "ml-1m", labels=("random90", "time80"))
    assert (len(read), read.num_users, read.num_items) == (1_000_209, 6_040, 3_706)
    assert read.labels["random90"].names == ("test", "train", "valid")
    assert read.labels["time80"].names == ("test", "train", "unseen", "valid")


def test_real_zeros_are_ratings(datasets):
    assert int((read_columns(datasets / "movietweetings-100k").values == 0).sum()) == 12
    assert int((read_columns(datasets / "jester-1").values == 0).sum()) == 5_383
