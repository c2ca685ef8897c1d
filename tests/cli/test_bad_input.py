"""Bad input through the command line: the message names file, line and column where they exist, and what to do."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.command_line import QUICK, done, refeed, refused, write_ratings
from refeed.data.store.store import open_store
from refeed.fitted_model import load

GOOD = "user,item,rating,time\n1,1,3,978300760\n1,2,4,978300761\n"


@pytest.mark.parametrize("command", ["import", "train"])
@pytest.mark.parametrize(
    ("content", "options", "place", "problem", "fix"),
    [
        ("", (), "", "the file is empty", "Give a file with ratings."),
        ("user,item,rating\n", (), "", "there are no ratings, only names of columns", "Give a source with rows."),
        ("user,item,time\n1,1,978300760\n", (), "", "no column looks like the rating", "(--rating)"),
        (GOOD, ("--user", "person"), "", "there is no column 'person'; the columns are 'user'", "(--user)"),
        (GOOD + "1,3,good,978300762\n", (), ", line 4, column 'rating'", "the rating 'good' is not a number", "Correct it"),
        (GOOD + "1,3,nan,978300762\n", (), ", line 4", "the rating is absent or not a number (NaN)", "Correct or remove"),
        (GOOD + "1,3,inf,978300762\n", (), ", line 4", "the rating inf is not finite", "Correct or remove"),
        (GOOD, ("--scale", "1", "3"), ", line 3", "the rating 4 is outside the declared scale 1 to 3", "(--scale)"),
        (GOOD + "1,3,4\n", (), ", line 4", "expected 4 fields, found 3: '1,3,4'", "Correct the line, or remove it."),
        (GOOD, ("--delimiter", ";"), ", line 1", "the delimiter ';' splits the first lines into 1 field(s)", "(--delimiter)"),
        (GOOD.encode() + b"1,\xff,3,978300762\n", (), ", line 4, column 'item'", "are not UTF-8 text", "--encoding latin-1"),
        (GOOD + "1,2,3,978300762\n", (), ", line 4", "user 1 rated item 2 again, first in line 3", "--duplicates last"),
        (GOOD + ",2,3,978300762\n", (), ", line 4, column 'user'", "the user id is empty", "(--user)"),
        (GOOD + "1,3,3,soon\n", (), ", line 4, column 'time'", "'soon' cannot be read", ""),
    ],
)
def test_bad_ratings_are_refused(tmp_path, command, content, options, place, problem, fix):
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    error = refused(3, command, path, "-o", tmp_path / "output", *options)
    assert error.startswith(f"{path}{place}: ")
    assert problem in error.splitlines()[0]
    assert fix in error.splitlines()[1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.csv"]


def parquet_bytes() -> bytes:
    """A Parquet file of ratings."""
    stream = io.BytesIO()
    pq.write_table(pa.table({"user": [1, 2], "item": [1, 2], "rating": [3.0, 4.0]}), stream)
    return stream.getvalue()


def zip_bytes() -> bytes:
    """A zip archive with ratings.csv."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ratings.csv", GOOD * 50)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv.gz", gzip.compress(GOOD.encode() * 50, mtime=0)[:-20], "the file is damaged or cut off"),
        ("a.zip", zip_bytes()[:-30], "the file is damaged or cut off"),
        ("a.parquet", parquet_bytes()[:-30], "not a complete Parquet file"),
    ],
)
def test_files_that_are_cut_off_are_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    error = refused(3, "import", tmp_path / name, "-o", tmp_path / "store")
    assert error.startswith(f"{tmp_path / name}: {words}")
    assert "again." in error.splitlines()[1]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("policy", "value"), [("last", 5), ("mean", 4)])
def test_repeated_pairs_follow_the_policy(tmp_path, policy, value):
    (tmp_path / "a.csv").write_text("user,item,rating,time\n1,1,5,978300769\n1,1,3,978300761\n")
    done("import", tmp_path / "a.csv", "-o", tmp_path / "store", "--duplicates", policy)
    assert open_store(tmp_path / "store").values.tolist() == [value]


@pytest.mark.parametrize(
    ("kind", "other", "world_size"),
    [("user", "item", {"users": 1, "items": 40, "each": 40}), ("item", "user", {"users": 40, "items": 1, "each": 1})],
)
@pytest.mark.parametrize("command", ["split", "train"])
def test_one_user_or_one_item_cannot_be_split_and_it_is_said_why(tmp_path, kind, other, world_size, command):
    path = write_ratings(tmp_path / "a.csv", **world_size)
    error = refused(3, command, path, "-o", tmp_path / "output.parquet")
    assert f"there is a single {kind}, so no split is possible: each {other} has one rating" in error
    assert f"--{kind}" in error
    assert f"warning: there is a single {kind}. Nothing can be learned across {kind}s" in done("check", path).out


def test_user_with_one_rating_is_in_train_and_gets_recommendations(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    path.write_text(path.read_text() + "lonely,101,4,1600000000\n")
    run = done("train", path, "-o", tmp_path / "model", *QUICK, "--split", "user-time")
    assert "Users with too few ratings for all three sets, whose ratings are all for training: 1." in run.err
    found = json.loads(done("recommend", tmp_path / "model", "-u", "lonely", "-k", "3", "--json", "-").out)
    assert len(found["recommendations"]) == 3


def test_ratings_that_are_all_equal_are_learnt_and_the_audit_warns(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    path.write_text("\n".join(["user,item,rating,time", *(f"{u},{i},4,{time}" for u, i, _, time in lines)]))
    assert "warning: all ratings are 4. There is nothing to predict" in done("check", path).out
    done("train", path, "-o", tmp_path / "model", *QUICK)
    assert json.loads(done("evaluate", tmp_path / "model", path, "--json", "-").out)["rmse"] == 0


def test_ids_that_are_numbers_in_quotes_and_without_are_one_id(tmp_path):
    (tmp_path / "a.csv").write_text('user,item,rating\n"1",7,3\n1,8,4\n')
    done("import", tmp_path / "a.csv", "-o", tmp_path / "store")
    assert open_store(tmp_path / "store").users.decode([0]) == [1]


def test_ids_that_mix_numbers_and_names_stay_texts_and_come_back_as_they_came(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,7,3\n01,7,4\nbob,8,4\n")
    done("import", tmp_path / "a.csv", "-o", tmp_path / "store")
    assert open_store(tmp_path / "store").users.decode(range(3)) == ["01", "1", "bob"]


ODD_IDS = ["a person with spaces", "🎬🍿", "é" * 10_000, " leading", "[bold]", "a=b", "Ünïcödé, with comma"]


def test_odd_ids_come_back_as_they_came(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    names = {str(101 + place): name for place, name in enumerate(ODD_IDS)}
    rows = [f'"{ODD_IDS[int(u) % 7]}{u}","{names.get(i, i)}",{rating},{time}' for u, i, rating, time in lines]
    path.write_text("\n".join(["user,item,rating,time", *rows]))
    done("train", path, "-o", tmp_path / "model", *QUICK)
    assert set(ODD_IDS) < set(load(tmp_path / "model").items.decode(range(30)))
    for name in ODD_IDS:
        run = done("recommend", tmp_path / "model", f"{name}=4", "-k", "30", "--include-seen")
        assert f" {name} " in run.out
    user = f"{ODD_IDS[1]}1"
    assert f"Recommended for user {user}\n" in done("recommend", tmp_path / "model", "-u", user).out


@pytest.mark.parametrize("kind", ["time", "user-time", "netflix-full"])
def test_time_splits_without_times_are_refused(tmp_path, kind):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n1,2,4\n2,1,4\n")
    error = refused(3, "train", tmp_path / "a.csv", "-o", tmp_path / "model", "--split", kind)
    assert "needs timestamps, and these ratings have none" in error
    assert "or choose a random split" in error


def test_times_that_were_left_out_are_absent(ratings_csv, tmp_path):
    error = refused(3, "train", ratings_csv, "-o", tmp_path / "model", "--time", "", "--split", "time")
    assert "needs timestamps" in error


def test_split_that_leaves_a_side_empty_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n1,2,4\n2,1,4\n")
    error = refused(3, "train", tmp_path / "a.csv", "-o", tmp_path / "model")
    assert "the valid set has no ratings (train 3, valid 0, test 0), expected some in each set" in error


def test_absent_file_and_folder_without_ratings_are_refused(tmp_path):
    assert "there is no such file or folder" in refused(3, "train", tmp_path / "absent", "-o", tmp_path / "model")
    (tmp_path / "folder").mkdir()
    error = refused(3, "train", tmp_path / "folder", "-o", tmp_path / "model")
    assert "the folder holds no ratings in a known layout" in error


def fail_while_saving(monkeypatch, failure: BaseException) -> None:
    """Let the disk be full (or Ctrl-C come) when half of a model folder is written."""

    def failing(*_, **__):
        raise failure

    monkeypatch.setattr("refeed.fitted_model.write_store", failing)


def test_full_disk_while_saving_leaves_only_the_checkpoint_and_the_run_can_be_taken_up(
    ratings_csv, model, tmp_path, monkeypatch
):
    fail_while_saving(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    command = ("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    assert "model: cannot be written (No space left on device)" in refused(7, *command)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.checkpoint"]
    monkeypatch.undo()
    done(*command, "--resume")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]
    assert load(tmp_path / "model").provenance.best_epoch == load(model).provenance.best_epoch


def test_full_disk_while_replacing_a_model_keeps_the_old_one(ratings_csv, tmp_path, monkeypatch):
    done("train", ratings_csv, "-o", tmp_path / "model", "--model", "bias")
    fail_while_saving(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    refused(7, "train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--overwrite")
    assert load(tmp_path / "model").spec.kind == "bias"


def test_ctrl_c_while_saving_leaves_only_the_checkpoint(ratings_csv, tmp_path, monkeypatch):
    fail_while_saving(monkeypatch, KeyboardInterrupt())
    run = refeed("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    assert (run.status, run.out) == (130, "")
    assert run.err.endswith("interrupted: nothing half-written was left behind\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.checkpoint"]


def test_full_disk_while_writing_the_checkpoint_stops_the_run_with_nothing_half_written(ratings_csv, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("refeed.training.checkpoints.write_tensors", full)
    error = refused(7, "train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    assert "model.checkpoint: cannot be written (No space left on device)" in error
    assert list(tmp_path.iterdir()) == []
