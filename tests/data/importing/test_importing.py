"""Importing through files: the store is byte for byte that of the ratings read in memory, and nothing is left on failure."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refeed.data.importing.buckets import Buckets
from refeed.data.importing.importing import import_ratings
from refeed.data.importing.spool import Spool
from refeed.data.ratings import RatingScale
from refeed.data.store.store import ArrayFile, open_store, write_store
from refeed.errors import ConfigError, DataError, StorageError
from refeed.readers import open_ratings, read_ratings
from refeed.readers.options import ReadOptions
from refeed.readers.stream import RatingStream


def import_source(source, path, *, layout=None, duplicates="error", missing="error", watch=None, **options):
    """Import a source in blocks and buckets so small that a handful of ratings fills several."""
    with open_ratings(source, ReadOptions(**options, block_rows=3, block_bytes=64), layout=layout) as stream:
        return import_ratings(stream, path, duplicates=duplicates, missing=missing, watch=watch, bucket_size=4)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def outcome(work, folder):
    """The files that `work` wrote into `folder`, or its refusal."""
    try:
        work()
    except DataError as error:
        return str(error)
    return files_of(folder)


def assert_same_store(source, folder, **options):
    """Import `source`, which must result in the same as reading and writing it; the files, or the refusal."""
    imported = outcome(lambda: import_source(source, folder / "imported", **options), folder / "imported")
    written = outcome(lambda: write_store(read_ratings(source, **options), folder / "written"), folder / "written")
    assert imported == written
    return imported


INTEGERS = st.integers(-3, 12) | st.sampled_from([2**62, -(2**62)])
TEXTS = st.sampled_from(["7", "07", "+7", "x", "ü", "12", "-3"])
VALUES = st.sampled_from(["1", "5", "-128", "0.5", "0.1", "-0.0", "300", "1e30"])
TIMES = st.integers(1, 9) | st.just(2**31 + 5)
ROWS = st.lists(st.tuples(INTEGERS, INTEGERS | TEXTS, VALUES, TIMES, st.sampled_from("ab")), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, duplicates=st.sampled_from(["error", "last", "mean"]), time=st.sampled_from([None, ""]), labels=st.booleans())
def test_store_of_an_import_is_that_of_the_ratings_in_memory(tmp_path_factory, rows, duplicates, time, labels):
    folder = tmp_path_factory.mktemp("import")
    path = folder / "ratings.csv"
    path.write_text("user,item,rating,time,fold\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    assert_same_store(path, folder, time=time, labels=("fold",) if labels else (), duplicates=duplicates)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["1", "5", "", "nan", "9"])), min_size=1),
    missing=st.sampled_from(["error", "skip"]),
    duplicates=st.sampled_from(["error", "last", "mean"]),
    scale=st.sampled_from([None, RatingScale(1, 5)]),
)
def test_refusals_and_skipped_rows_are_those_of_reading(tmp_path_factory, rows, missing, duplicates, scale):
    folder = tmp_path_factory.mktemp("import")
    path = folder / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"{','.join(map(str, row))}\n\n" for row in rows))
    assert_same_store(path, folder, scale=scale, duplicates=duplicates, missing=missing)


def test_tables_with_types_are_imported(tmp_path):
    table = pa.table({
        "user": pa.array(["b", "a", "b", "c"] * 5).dictionary_encode(),
        "item": pa.array(np.arange(20), pa.int16()),
        "rating": pa.array(np.arange(20) / 4, pa.float32()),
        "time": pa.array(np.arange(20) + 978_300_760, pa.timestamp("s")),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "ratings.parquet", row_group_size=3)
    assert_same_store(tmp_path / "ratings.parquet", tmp_path)
    with pa.OSFile(str(tmp_path / "ratings.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    import_source(tmp_path / "ratings.arrow", tmp_path / "stream")
    import_source(table, tmp_path / "memory")
    prints = {open_store(tmp_path / name, verify=True).fingerprint for name in ("imported", "stream", "memory")}
    assert len(prints) == 1


def test_native_netflix_files_are_imported(tmp_path):
    source = tmp_path / "training_set"
    source.mkdir()
    rng = np.random.default_rng(0)
    ratings = {}
    for movie in range(1, 9):
        users = rng.choice(np.arange(100, 130), rng.integers(1, 20), replace=False)
        lines = [f"{user},{rng.integers(1, 6)},2005-01-{rng.integers(10, 30)}" for user in users]
        (source / f"mv_{movie:07d}.txt").write_text(f"{movie}:\n" + "\n".join(lines) + "\n" * (movie % 2))
        ratings |= {(int(user), movie): int(line.split(",")[1]) for user, line in zip(users, lines, strict=True)}
    assert_same_store(tmp_path, tmp_path)
    store = open_store(tmp_path / "imported", verify=True)
    table = store.to_arrow()
    triples = zip(*(table.column(name).to_pylist() for name in ("user", "item", "rating")), strict=True)
    assert {(user, item): value for user, item, value in triples} == ratings
    assert store.notes == ("layout: Netflix Prize, 8 file(s)", "times: dates without a zone, taken as UTC")


def test_what_was_merged_and_skipped_is_noted(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating\n1,1,3\n1,1,\n1,1,5\n2,1,4\n1,1,4\n")
    store = import_source(path, tmp_path / "last", duplicates="last", missing="skip")
    assert store.values.tolist() == [4, 4]
    assert store.notes[-2:] == (
        "missing: 1 row(s) without a rating are skipped",
        "duplicates: 2 rating(s) of a user and item that were rated already; the latest is kept",
    )
    store = import_source(path, tmp_path / "mean", duplicates="mean", missing="skip")
    assert store.notes[-1].endswith("the mean is taken")


def test_first_repeat_of_the_file_is_named_whatever_bucket_it_is_in(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = [f"{user},{item},3" for item in range(5) for user in range(8)]
    path.write_text("\n".join(["user,item,rating", *rows, "7,4,1", "0,0,1", "6,1,2"]))
    with pytest.raises(DataError) as caught:
        import_source(path, tmp_path / "store")
    assert caught.value.line == 42
    assert "user 7 rated item 4 again, first in line 41 (3 such repeats in all)" in caught.value.problem


def test_repeat_is_named_by_its_line_although_rows_are_skipped(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = ["1,0,", *(f"{user},0,3" for user in range(9)), "9,9,", "9,8,", "4,0,5"]
    path.write_text("\n".join(["user,item,rating", *rows]))
    with pytest.raises(DataError, match="user 4 rated item 0 again, first in line 7") as caught:
        import_source(path, tmp_path / "store", missing="skip")
    assert caught.value.line == 14


def test_progress_counts_bytes_and_ratings_to_their_end(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"{user},{item},3\n" for user in range(6) for item in range(6)))
    progress = {}
    import_source(
        path, tmp_path / "store", watch=lambda stage, meter: progress.update({stage: (meter.done, meter.total, meter.unit)})
    )
    assert list(progress) == ["reading", "distributing", "sorting", "writing"]
    assert progress["reading"] == (path.stat().st_size, path.stat().st_size, "bytes")
    assert progress["distributing"] == progress["sorting"] == (36, 36, "ratings")


@pytest.mark.parametrize(
    ("module", "name", "failure", "raised"),
    [
        (Spool, "append", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageError),
        (Buckets, "append", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageError),
        (Buckets, "sort", KeyboardInterrupt(), KeyboardInterrupt),
        (ArrayFile, "append", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StorageError),
        (RatingStream, "blocks", KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_full_disk_and_ctrl_c_leave_nothing(tmp_path, monkeypatch, module, name, failure, raised):
    def failing(*_, **__):
        raise failure

    (tmp_path / "ratings.csv").write_text("user,item,rating\n" + "".join(f"{user},1,3\n" for user in range(30)))
    monkeypatch.setattr(module, name, failing)
    with pytest.raises(raised):
        import_source(tmp_path / "ratings.csv", tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"]


def test_disk_that_is_too_small_for_the_buckets_is_named_before_they_are_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**30, 2**30 - 5, 5))
    (tmp_path / "ratings.csv").write_text("user,item,rating\n1,1,3\n")
    with pytest.raises(StorageError, match="0 MB are free on this disk, and the import takes 0 MB more for a while"):
        import_source(tmp_path / "ratings.csv", tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"]


def test_options_that_do_not_apply_are_refused(tmp_path):
    (tmp_path / "combined_data_1.txt").write_text("1:\n5,3,2005-01-01\n")
    with pytest.raises(ConfigError, match="has fixed columns"):
        import_source(tmp_path, tmp_path / "store", user="x")
