"""`refeed predict`."""

from __future__ import annotations

import csv
import errno
import os
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.command_line import QUICK, done, refeed, refused
from refeed.fitted_model import load
from refeed.inference.predict import predict, predict_interval

PAIRS = "user,item\n1,101\n2,102\n1,130\n"


@pytest.fixture
def pairs(tmp_path):
    """Three pairs that the world's model knows."""
    (tmp_path / "pairs.csv").write_text(PAIRS)
    return tmp_path / "pairs.csv"


def test_csv_has_a_prediction_for_each_pair_in_their_order(model, pairs, tmp_path):
    run = done("predict", model, pairs, "-o", tmp_path / "out.csv")
    assert run.out == f"{tmp_path / 'out.csv'}: 3 predictions\n"
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["user"], row["item"]) for row in rows] == [("1", "101"), ("2", "102"), ("1", "130")]
    expected = predict(load(model), [1, 2, 1], [101, 102, 130])
    assert [float(row["prediction"]) for row in rows] == pytest.approx(expected.tolist(), abs=1e-5)


def test_parquet_in_and_out(model, tmp_path):
    pq.write_table(pa.table({"movieId": [101, 102], "userId": ["1", "2"]}), tmp_path / "pairs.parquet")
    done("predict", model, tmp_path / "pairs.parquet", "-o", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["prediction"].to_pylist() == pytest.approx(predict(load(model), [1, 2], [101, 102]).tolist(), abs=1e-5)
    assert (table["user"].to_pylist(), table["item"].to_pylist()) == ([1, 2], [101, 102])


def test_columns_are_named(model, tmp_path):
    (tmp_path / "pairs.csv").write_text("was;wer\n101;1\n")
    done("predict", model, tmp_path / "pairs.csv", "-o", tmp_path / "out.parquet", "--user", "wer", "--item", "was")
    assert pq.read_table(tmp_path / "out.parquet")["user"].to_pylist() == [1]


def test_columns_of_the_training_data_are_found_by_their_names(ratings_csv, tmp_path):
    renamed = tmp_path / "renamed.csv"
    renamed.write_text(ratings_csv.read_text().replace("user,item,", "Kunde,Film,", 1))
    columns = ("--user", "Kunde", "--item", "Film", "--rating", "rating")
    done("train", renamed, "-o", tmp_path / "model", "--model", "bias", "--split", "random", *columns)
    for header, expected in (("Film,Kunde\n101,1\n", [1]), ("item,user\n101,2\n", [2])):
        (tmp_path / "pairs.csv").write_text(header)
        done("predict", tmp_path / "model", tmp_path / "pairs.csv", "-o", tmp_path / "out.parquet", "--overwrite")
        assert pq.read_table(tmp_path / "out.parquet")["user"].to_pylist() == expected


@pytest.mark.parametrize(
    ("line", "words"), [("77,101", "unknown user '77' in row 4: not among the 40 users"), ("3,7", "unknown item '7' in row 4")]
)
def test_unknown_ids_are_refused_with_their_row(model, pairs, tmp_path, line, words):
    pairs.write_text(f"{PAIRS}{line}\n88,9\n")
    error = refused(3, "predict", model, pairs, "-o", tmp_path / "out.csv")
    assert f"pairs.csv: {words}" in error
    assert "(2 such pair(s) in all)" in error
    assert "--unknown null" in error
    assert not (tmp_path / "out.csv").exists()


def test_unknown_ids_are_left_empty_where_that_is_asked(model, pairs, tmp_path):
    pairs.write_text(f"{PAIRS}77,101\n")
    run = done("predict", model, pairs, "-o", tmp_path / "out.csv", "--unknown", "null")
    assert "4 predictions, 1 of them empty (unknown user or item)" in run.out
    assert (tmp_path / "out.csv").read_text().splitlines()[-1] == "77,101,"


def test_new_users_are_predicted_from_their_history(model, tmp_path):
    (tmp_path / "seen.csv").write_text("user,item,rating\nnew,101,5\nnew,102,4\n")
    (tmp_path / "pairs.csv").write_text("user,item\nnew,110\n")
    done("predict", model, tmp_path / "pairs.csv", "-o", tmp_path / "out.parquet", "--history", tmp_path / "seen.csv")
    from refeed.readers import read_ratings

    expected = predict(load(model), ["new"], [110], history=read_ratings(tmp_path / "seen.csv"))
    assert pq.read_table(tmp_path / "out.parquet")["prediction"].to_pylist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_reading_options_without_a_history_are_refused(model, pairs, tmp_path):
    error = refused(4, "predict", model, pairs, "-o", tmp_path / "out.csv", "--scale", "1", "5")
    assert error == "--scale: says how to read the --history file, but none was given\n"


def test_model_without_histories_asks_for_them(ratings_csv, pairs, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--no-histories")
    error = refused(3, "predict", tmp_path / "model", pairs, "-o", tmp_path / "out.csv")
    assert "keeps no histories" in error
    assert "--history FILE" in error


def test_ids_of_the_wrong_kind_are_refused_with_the_file(model, pairs, tmp_path):
    pairs.write_text("user,item\nbob,101\n")
    error = refused(3, "predict", model, pairs, "-o", tmp_path / "out.csv")
    assert f"{pairs}: user ids here are integers, but not all of those given are" in error


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("out.xlsx", 4, "expected a name that ends in .parquet or .csv"),
        ("pairs.csv", 7, "pairs.csv: is also named as another file"),
    ],
)
def test_output_is_checked_before_the_model_is_read(pairs, tmp_path, name, status, words):
    assert words in refused(status, "predict", tmp_path / "absent", pairs, "-o", tmp_path / name)


def test_folder_at_the_output_is_refused_even_with_overwrite(pairs, tmp_path):
    (tmp_path / "out.csv").mkdir()
    error = refused(7, "predict", tmp_path / "absent", pairs, "-o", tmp_path / "out.csv", "--overwrite")
    assert "out.csv: is a folder, expected a file name" in error


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_full_disk_leaves_nothing(model, pairs, tmp_path, monkeypatch, name):
    def full(table, path, **_):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pyarrow.csv.write_csv", full)
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    error = refused(7, "predict", model, pairs, "-o", tmp_path / name)
    assert f"{name}: cannot be written (No space left on device)" in error
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]


def test_ctrl_c_while_writing_leaves_nothing(model, pairs, tmp_path, monkeypatch):
    def interrupted(table, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("pyarrow.csv.write_csv", interrupted)
    run = refeed("predict", model, pairs, "-o", tmp_path / "out.csv")
    assert (run.status, run.out) == (130, "")
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.csv"]


def test_interval_adds_its_ends(model, pairs, tmp_path):
    pairs.write_text(f"{PAIRS}77,101\n")
    run = done("predict", model, pairs, "-o", tmp_path / "out.parquet", "--interval", "0.8", "--unknown", "null")
    assert "4 predictions with 80% intervals, 1 of them empty" in run.out
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["user", "item", "prediction", "low", "high"]
    expected = predict_interval(load(model), [1, 2, 1], [101, 102, 130], level=0.8)
    assert table["low"].to_pylist() == [*expected.low.tolist(), None]
    assert table["high"].to_pylist() == [*expected.high.tolist(), None]


def test_interval_that_is_none_is_refused_before_the_model_is_read(pairs, tmp_path):
    error = refused(4, "predict", tmp_path / "absent", pairs, "-o", tmp_path / "out.csv", "--interval", "90")
    assert error == "level: expected above 0 and below 1, for example 0.9, got 90\n"


def test_model_without_intervals_says_so(model, pairs, tmp_path):
    replace(load(model), intervals=None).save(tmp_path / "old")
    error = refused(3, "predict", tmp_path / "old", pairs, "-o", tmp_path / "out.csv", "--interval", "0.9")
    assert "this model has no prediction intervals" in error and not (tmp_path / "out.csv").exists()


def test_time_of_the_ratings_goes_to_the_model(model, pairs, tmp_path, monkeypatch):
    told = []
    whole = predict

    def listening(*args, times=None, **options):
        told.append(times)
        return whole(*args, times=times, **options)

    monkeypatch.setattr("refeed.inference.predict.predict", listening)
    monkeypatch.setattr("time.time", lambda: 1234.6)
    for at in ((), ("--at", "1970-01-02"), ("--at", "99"), ("--at", "now")):
        done("predict", model, pairs, "-o", tmp_path / "out.csv", "--overwrite", *at)
    assert told == [None, 86_400, 99, 1235]
    assert "--at: expected now, a date such as" in refused(
        4, "predict", model, pairs, "-o", tmp_path / "new.csv", "--at", "soon"
    )
