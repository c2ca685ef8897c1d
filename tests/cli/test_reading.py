"""Where the commands look for their data."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command_line import QUICK, done, refeed, refused, write_ratings
from refeed.cli.reading import source_of
from refeed.data import datasets


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Path:
    """A folder of data sets that holds the data set 'mine'."""
    (tmp_path / "sets" / "mine").mkdir(parents=True)
    write_ratings(tmp_path / "sets" / "mine" / "ratings.csv")
    monkeypatch.setenv("REFEED_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets" / "mine"


def test_data_set_is_found_by_its_name_unless_there_is_such_a_folder_here(mine, monkeypatch):
    assert source_of(Path("mine")) == mine
    monkeypatch.chdir(mine.parent)
    assert source_of(Path("mine")) == Path("mine")


def test_data_set_that_is_not_here_is_fetched(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(datasets, "find_dataset", lambda name: None)
    monkeypatch.setattr(datasets, "fetch_dataset", lambda name: tmp_path / name)
    assert source_of(Path("ml-100k")) == tmp_path / "ml-100k"
    assert capsys.readouterr().err == "fetching ml-100k from its publisher …\n"


def test_every_command_takes_the_name_of_a_data_set(mine, tmp_path):
    model, store = tmp_path / "model", tmp_path / "store"
    trained = done("train", "mine", "-o", model, *QUICK)
    assert trained.err.endswith(f"next: refeed evaluate {model} mine\n")
    page = tmp_path / "page.html"
    assert "47 test ratings" in done("evaluate", model, "mine", "--threads", 1, "--report", page).out
    assert f"refeed evaluate {model} mine" in page.read_text(encoding="utf-8")
    assert f"{store}: 600 ratings" in done("import", "mine", "-o", store).out
    assert "600" in done("check", "mine").out
    assert "480" in done("split", "mine").out


@pytest.mark.parametrize("command", ["train", "check", "import", "split"])
def test_name_that_is_nowhere_is_refused_with_what_to_do(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = () if command in ("check", "split") else ("-o", tmp_path / "out")
    error = refused(3, command, "ml-none", *output)
    assert "ml-none: there is no such file or folder, and no data set of that name; " in error
    assert "REFEED_DATA names the folder of the data sets at hand" in error


def test_mistyped_name_of_a_data_set_has_a_suggestion(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "did you mean 'ml-latest-small'?" in refused(3, "train", "ml-lates-small", "-o", tmp_path / "out")
    assert "did you mean 'mine'?" in refused(3, "train", "mines", "-o", tmp_path / "out")


def test_history_may_be_a_data_set(mine, tmp_path):
    model = tmp_path / "model"
    done("train", "mine", "-o", model, *QUICK)
    listed = done("recommend", model, "-u", 1, "--history", "mine").out
    assert listed == done("recommend", model, "-u", 1, "--history", mine).out
    (tmp_path / "pairs.csv").write_text("user,item\n1,101\n")
    done("predict", model, tmp_path / "pairs.csv", "-o", tmp_path / "out.csv", "--history", "mine")
    assert "the model would see the answers" in refeed("evaluate", model, "mine", "--history", "mine").err


def test_columns_that_are_not_read_are_named(mine, tmp_path):
    text = (mine / "ratings.csv").read_text().replace("user,item,rating,time", "user,item,rating,Datum", 1)
    (tmp_path / "ratings.csv").write_text(text)
    said = done("train", tmp_path / "ratings.csv", "-o", tmp_path / "model", *QUICK).err
    assert "time none; not read: 'Datum'" in said
    assert "--time" in said
    assert "not read" not in done("train", "mine", "-o", tmp_path / "other", *QUICK).err


def test_output_that_is_the_data_set_of_that_name_is_refused(mine):
    done("import", mine, "-o", mine.parent / "store")
    kept = sorted(path.name for path in (mine.parent / "store").iterdir())
    refused(7, "import", "store", "-o", mine.parent / "store", "--overwrite")
    refused(7, "check", "store", "--json", mine.parent / "store" / "x.json")
    assert sorted(path.name for path in (mine.parent / "store").iterdir()) == kept


def test_threads_are_those_that_are_said(mine, tmp_path, monkeypatch):
    counts = []
    done("train", "mine", "-o", tmp_path / "model", *QUICK)
    (tmp_path / "pairs.csv").write_text("user,item\n1,101\n")
    monkeypatch.setattr("torch.set_num_threads", counts.append)
    done("evaluate", tmp_path / "model", "mine", "--threads", 3)
    assert 3 in counts
    done("predict", tmp_path / "model", tmp_path / "pairs.csv", "-o", tmp_path / "out.csv", "--threads", 5)
    assert 5 in counts
    done("recommend", tmp_path / "model", "--all", "-o", tmp_path / "top.parquet", "--threads", 7)
    assert 7 in counts
