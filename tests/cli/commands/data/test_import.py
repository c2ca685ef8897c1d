"""`refeed import`."""

from __future__ import annotations

import errno
import os
from functools import partial

import pytest

from helpers.command_line import done, refeed, refused
from refeed.data.store.store import open_store
from refeed.progress import ConsoleProgress
from refeed.readers import read_ratings


def test_store_holds_the_ratings_of_the_source(ratings_csv, tmp_path):
    run = done("import", ratings_csv, "-o", tmp_path / "store")
    assert open_store(tmp_path / "store", verify=True).fingerprint == read_ratings(ratings_csv).fingerprint
    assert run.out.startswith(f"{tmp_path / 'store'}: 600 ratings in ")
    assert "ratings.csv: 600 ratings, 40 users x 30 items, scale 1 to 5" in run.err


def test_column_to_keep_is_in_the_store(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating,fold\n1,1,3,train\n1,2,4,test\n")
    done("import", tmp_path / "a.csv", "-o", tmp_path / "store", "--keep", "fold")
    assert open_store(tmp_path / "store").labels["fold"].names == ("test", "train")


def test_column_to_keep_that_is_not_there_names_the_option(ratings_csv, tmp_path):
    error = refused(3, "import", ratings_csv, "-o", tmp_path / "store", "--keep", "fold")
    assert "there is no column 'fold'; the columns are 'user', 'item', 'rating', 'time'" in error
    assert "--keep" in error


def test_reading_options_reach_the_reader(tmp_path):
    (tmp_path / "a.txt").write_bytes("wer;was;note\nJosé;1;3\nJosé;1;4\n".encode("latin-1"))
    columns = ("--user", "wer", "--item", "2", "--rating", "note", "--delimiter", "semicolon", "--header")
    policy = ("--encoding", "latin-1", "--duplicates", "last", "--scale", "0", "10", "--layout", "delimited")
    done("import", tmp_path / "a.txt", "-o", tmp_path / "store", *columns, *policy)
    ratings = open_store(tmp_path / "store")
    assert ratings.users.decode([0]) == ["José"]
    assert ratings.values.tolist() == [4]
    assert (ratings.scale.minimum, ratings.scale.maximum) == (0, 10)


def test_rows_without_a_rating_are_skipped_and_repeats_merged_when_said(tmp_path):
    (tmp_path / "a.csv").write_text("user;item;rating\n1;1;3,5\n1;2;\n1;1;4,5\n2;1;1\n")
    assert "missing='skip' (--missing skip)" in refused(
        3, "import", tmp_path / "a.csv", "-o", tmp_path / "store", "--decimal", ","
    )
    policies = ("--decimal", ",", "--missing", "skip", "--duplicates", "mean")
    run = done("import", tmp_path / "a.csv", "-o", tmp_path / "store", *policies)
    assert open_store(tmp_path / "store").values.tolist() == [4, 1]
    assert "missing: 1 row(s) without a rating are skipped" in run.err
    assert "duplicates: 1 rating(s) of a user and item that were rated already; the mean is taken" in run.err


def test_store_is_imported_again_as_it_is(ratings_csv, tmp_path):
    done("import", ratings_csv, "-o", tmp_path / "one")
    done("import", tmp_path / "one", "-o", tmp_path / "two", "--scale", "0", "5")
    one, two = (open_store(tmp_path / name, verify=True) for name in ("one", "two"))
    assert two.values.tolist() == one.values.tolist()
    assert (two.scale.minimum, two.scale.maximum) == (0, 5)


def test_long_imports_tell_how_far_they_are(ratings_csv, tmp_path, monkeypatch):
    monkeypatch.setattr("refeed.cli.commands.data.import_.ConsoleProgress", partial(ConsoleProgress, line_every=0.0))
    run = done("import", ratings_csv, "-o", tmp_path / "store")
    size = ratings_csv.stat().st_size
    assert f"reading: {size:,} of {size:,} bytes  100%" in run.err
    assert "sorting: 600 of 600 ratings  100%" in run.err


def test_existing_output_is_refused_before_the_source_is_read(tmp_path):
    (tmp_path / "store").mkdir()
    error = refused(7, "import", tmp_path / "absent.csv", "-o", tmp_path / "store")
    assert "store: exists already; choose another path, or replace it with --overwrite" in error


def test_overwrite_replaces_a_store_and_nothing_else(ratings_csv, tmp_path):
    done("import", ratings_csv, "-o", tmp_path / "store")
    (tmp_path / "a.csv").write_text("user,item,rating\n1,1,3\n")
    done("import", tmp_path / "a.csv", "-o", tmp_path / "store", "--overwrite")
    assert len(open_store(tmp_path / "store")) == 1
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.png").touch()
    error = refused(7, "import", ratings_csv, "-o", tmp_path / "photos", "--overwrite")
    assert "photos: not overwritten, since it holds no store.json" in error
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["beach.png"]


def test_ctrl_c_while_reading_leaves_nothing(ratings_csv, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("refeed.readers.stream.RatingStream.blocks", interrupted)
    run = refeed("import", ratings_csv, "-o", tmp_path / "store")
    assert (run.status, run.out, run.err) == (130, "", "interrupted: nothing half-written was left behind\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failure", "status", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 7, "store: cannot be written (No space left on device)"),
        (KeyboardInterrupt(), 130, "interrupted: nothing half-written was left behind"),
    ],
)
def test_full_disk_and_ctrl_c_while_writing_leave_nothing(ratings_csv, tmp_path, monkeypatch, failure, status, words):
    def failing(*_, **__):
        raise failure

    monkeypatch.setattr("refeed.data.store.store.write_ids", failing)  # some arrays are written by then
    run = refeed("import", ratings_csv, "-o", tmp_path / "store")
    assert run.status == status
    assert words in run.err
    assert list(tmp_path.iterdir()) == []
