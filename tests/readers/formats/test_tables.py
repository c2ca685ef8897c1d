"""Tables with types, in files and in memory, and sparse matrices."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import scipy.sparse

from refeed.errors import DataError
from refeed.readers import read_columns, read_ratings

TABLE = pa.table(
    {
        "user": pa.array([1, 1, 2], pa.int32()),
        "item": pa.array(["a", "007", "a"]),
        "rating": pa.array([1.5, 0.0, 5.0], pa.float32()),
        "time": pa.array([978300760, 978300761, 978300762], pa.timestamp("s")),
        "fold": pa.array(["train", "test", "train"]).dictionary_encode(),
    }
)


def check(columns):
    assert columns.users.to_pylist() == [1, 1, 2]
    assert columns.items.to_pylist() == ["a", "007", "a"]
    assert columns.values.tolist() == [1.5, 0.0, 5.0]
    assert columns.timestamps.tolist() == [978300760, 978300761, 978300762]
    assert columns.origin.locate is None
    assert columns.labels["fold"].codes.tolist() == [1, 0, 1]


def test_parquet_is_read(tmp_path):
    pyarrow.parquet.write_table(TABLE, tmp_path / "r.bin", row_group_size=2)
    check(read_columns(tmp_path / "r.bin", labels=("fold",)))


def test_a_folder_of_parquet_files_is_read_in_order(tmp_path):
    pyarrow.parquet.write_table(TABLE.slice(2), tmp_path / "part-1.parquet")
    pyarrow.parquet.write_table(TABLE.slice(0, 2), tmp_path / "part-0.parquet")
    check(read_columns(tmp_path, labels=("fold",)))


def test_feather_and_arrow_streams_are_read(tmp_path):
    pyarrow.feather.write_feather(TABLE, str(tmp_path / "r.feather"))
    check(read_columns(tmp_path / "r.feather", labels=("fold",)))
    with pa.ipc.new_stream(str(tmp_path / "r.arrows"), TABLE.schema) as writer:
        writer.write_table(TABLE)
    check(read_columns(tmp_path / "r.arrows", labels=("fold",)))


@pytest.mark.parametrize("convert", [lambda t: t, lambda t: t.to_reader(), pl.from_arrow, lambda t: t.to_pandas()])
def test_tables_in_memory_are_read(convert):
    check(read_columns(convert(TABLE), labels="fold"))


def test_a_duckdb_result_is_read():
    relation = duckdb.sql("select 7 as user, 'x' as item, 3.5 as rating, timestamp '2001-01-01' as time")
    columns = read_columns(relation)
    assert (columns.users.to_pylist(), columns.values.tolist(), columns.timestamps.tolist()) == ([7], [3.5], [978307200])


def test_a_pandas_index_is_no_column():
    frame = pd.DataFrame({"user": ["1"], "item": [2], "rating": [3]}, index=["row"])
    columns = read_columns(frame)
    assert (columns.users.to_pylist(), columns.items.to_pylist()) == (["1"], [2])


def test_absent_ratings_of_a_table_become_nan_and_are_refused_by_row():
    table = pa.table({"user": [1, 1], "item": [1, 2], "rating": pa.array([1.0, None])})
    assert np.isnan(read_columns(table).values[1])
    with pytest.raises(DataError, match=r"absent or not a number \(NaN\) \(1 such rating\(s\) in all\), in row 2"):
        read_ratings(table)
    assert np.isnan(read_columns(table.set_column(2, "rating", pa.nulls(2))).values).all()


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("user", pa.array([1.0]), "user ids are integers or texts, but this column holds double"),
        ("user", pa.array([None], pa.int64()), "the user id is empty, in row 1"),
        ("item", pa.array([""]), "the item id is empty, in row 1"),
        ("user", pa.array([2**64 - 1], pa.uint64()), "does not fit into a signed 64-bit integer"),
        ("rating", pa.array([True]), "ratings are numbers, but this column holds bool"),
        ("rating", pa.array(["good"]), "'good' is not a number, in row 1"),
        ("fold", pa.array([None], pa.string()), "the label is missing, in row 1"),
    ],
)
def test_columns_of_wrong_types_are_named(column, values, words):
    arrays = {"user": pa.array([1]), "item": pa.array([1]), "rating": pa.array([1]), "fold": pa.array(["x"])}
    with pytest.raises(DataError, match=words) as caught:
        read_columns(pa.table(arrays | {column: values}), labels=("fold",))
    assert caught.value.column == column


def test_pandas_ids_that_mix_1_and_text_are_refused():
    frame = pd.DataFrame({"user": pd.Series([1, "1"], dtype=object), "item": [1, 2], "rating": [1, 2]})
    with pytest.raises(DataError, match="mixes types within a column"):
        read_columns(frame)


def test_duplicates_in_a_table_are_named_by_row():
    with pytest.raises(DataError, match=r"user 1 rated item 'a' again, first in row 1 .*in row 4"):
        read_ratings(pa.concat_tables([TABLE, TABLE.slice(0, 1)]))


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="two columns have one name: user, item, rating, user"):
        read_columns(pa.table([[1], [1], [1], [1]], names=["user", "item", "rating", "user"]))


def test_an_empty_table_is_refused():
    with pytest.raises(DataError, match="there are no ratings"):
        read_columns(TABLE.slice(0, 0))


@pytest.mark.parametrize("form", ["coo_array", "csr_array", "csc_matrix"])
def test_sparse_matrices_keep_zeros_and_count_from_0(form):
    matrix = getattr(scipy.sparse, form)(([0.0, 5.0], ([0, 2], [1, 0])), shape=(4, 3))
    ratings = read_ratings(matrix)
    assert sorted(map(tuple, ratings.to_arrow().to_pandas().values.tolist())) == [(0, 1, 0.0), (2, 0, 5.0)]


def test_places_stored_twice_in_a_sparse_matrix_are_duplicates():
    matrix = scipy.sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    with pytest.raises(DataError, match="user 0 rated item 1 again"):
        read_ratings(matrix)


def test_an_empty_or_flat_sparse_matrix_is_refused():
    with pytest.raises(DataError, match="no ratings"):
        read_ratings(scipy.sparse.coo_array((2, 2)))
    with pytest.raises(DataError, match=r"got the shape \(3,\)"):
        read_ratings(scipy.sparse.coo_array(np.array([1, 0, 2])))
