"""`refeed demo`."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from helpers.command_line import done, refused, write_ratings
from refeed.data.store.store import open_store
from refeed.errors import DataError, StorageError
from refeed.fitted_model import load
from refeed.models import Ensemble
from refeed.presets import PRESETS

CLEARLY_SYNTHETIC = "SYNTHETIC DATA: made-up users, items and stars, so the numbers below say nothing about real people.\n"


@pytest.fixture(autouse=True)
def quick_and_offline(monkeypatch, tmp_path):
    """A small ensemble, few synthetic ratings, no data on this machine, and no network."""
    quick = replace(PRESETS["default"], model=Ensemble(members=("als epochs=2", "bias")))
    monkeypatch.setitem(PRESETS, "default", quick)
    monkeypatch.setattr("refeed.cli.commands.demo.SYNTHETIC", (60, 80, 2000))
    monkeypatch.delenv("REFEED_DATA", raising=False)
    monkeypatch.setattr("refeed.data.datasets.cache_folder", lambda: tmp_path / "cache")
    fetching_fails(monkeypatch, DataError("cannot be downloaded (no answer within 5 s)", path="https://example.invalid"))


def fetching_fails(monkeypatch, error: Exception) -> None:
    """Let the publisher be out of reach."""

    def fetch(name: str) -> Path:
        raise error

    monkeypatch.setattr("refeed.data.datasets.fetch_dataset", fetch)


@pytest.fixture
def data_folder(tmp_path) -> Path:
    """A small folder of the form of ml-latest-small, and its parent."""
    folder = tmp_path / "data" / "ml-latest-small"
    folder.mkdir(parents=True)
    path = write_ratings(folder / "ratings.csv")
    path.write_text(path.read_text().replace("user,item,rating,time", "userId,movieId,rating,timestamp"))
    titles = [f"{item},Film {item} (1999),Drama" for item in range(101, 131)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *titles]) + "\n")
    return folder.parent


def test_whole_job_is_done_on_real_data(data_folder, tmp_path):
    run = done("demo", "--data-folder", data_folder, "-o", tmp_path / "demo")
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["model", "ratings", "report.html"]
    assert f"real data: {data_folder / 'ml-latest-small'}\n" in run.err
    assert "SYNTHETIC" not in run.err
    assert len(open_store(tmp_path / "demo" / "ratings")) == 600
    assert len(load(tmp_path / "demo" / "model").histories) == 520
    assert "40 test ratings of 40 users; intervals by bootstrap over users" in run.out
    assert re.search(r"(?m)^ensemble +0\.\d{4}", run.out)
    assert re.search(r"(?m)^user and item biases +0\.\d{4}", run.out)


def test_ten_films_are_recommended_by_title_to_one_person(data_folder, tmp_path):
    out = done("demo", "--data-folder", data_folder, "-o", tmp_path / "demo").out
    listed = re.findall(r"(?m)^ *(\d+) +(\d+) +(Film \d+ \(1999\)) +[1-5]\.\d\d$", out)
    assert [int(rank) for rank, _, _ in listed] == list(range(1, 11))
    assert all(title == f"Film {item} (1999)" for _, item, title in listed)
    assert re.search(r"Recommended to user \d+\n", out)


def test_report_holds_the_printed_numbers_and_films(data_folder, tmp_path):
    out = done("demo", "--data-folder", data_folder, "-o", tmp_path / "demo").out
    page = unescape((tmp_path / "demo" / "report.html").read_text())
    numbers = re.findall(r"\d\.\d{4}–\d\.\d{4}", out)
    assert len(numbers) == 4
    assert [number for number in numbers if number not in page] == []
    assert [title for title in re.findall(r"Film \d+ \(1999\)", out) if title not in page] == []
    assert "MovieLens ml-latest-small" in page
    assert page.count("<svg") >= 3


def test_commands_to_try_next_work_as_they_are_printed(data_folder, tmp_path):
    err = done("demo", "--data-folder", data_folder, "-o", tmp_path / "my demo").err
    commands = re.findall(r"refeed (recommend .*)", err)
    assert len(commands) == 2
    for command in commands:
        assert "Film" in done(*shlex.split(command)).out


def test_data_are_found_where_the_environment_says(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REFEED_DATA", str(data_folder))
    assert f"real data: {data_folder / 'ml-latest-small'}\n" in done("demo", "-o", tmp_path / "demo").err


def test_folder_without_the_data_set_is_refused_rather_than_passed_over(tmp_path):
    error = refused(3, "demo", "--data-folder", tmp_path, "-o", tmp_path / "demo")
    assert error == f"{tmp_path}: there is no folder ml-latest-small in it\n  Leave out --data-folder to fetch it.\n"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("cannot be downloaded (no answer within 5 s)", path="x"), "cannot be downloaded (no answer within 5 s)"),
        (StorageError("cache: cannot be written (Read-only file system)"), "cache: cannot be written (Read-only file system)"),
    ],
)
def test_without_data_and_network_one_clear_line_says_that_the_data_are_synthetic(tmp_path, monkeypatch, error, reason):
    fetching_fails(monkeypatch, error)
    run = done("demo", "-o", tmp_path / "demo")
    assert f"ml-latest-small could not be fetched: {reason}\n{CLEARLY_SYNTHETIC}" in run.err
    assert "synthetic ratings" in (tmp_path / "demo" / "report.html").read_text()
    assert "10 " in run.out


def test_synthetic_ratings_can_be_asked_for_and_depend_on_the_seed(tmp_path):
    runs = [done("demo", "--synthetic", "--seed", seed, "-o", tmp_path / f"demo{seed}") for seed in (0, 1)]
    assert all(CLEARLY_SYNTHETIC in run.err and "fetch" not in run.err for run in runs)
    first, second = (open_store(tmp_path / f"demo{seed}" / "ratings") for seed in (0, 1))
    assert len(first) == 2000
    assert first.fingerprint != second.fingerprint


def test_commands_to_try_next_name_ids_where_there_are_no_titles(tmp_path):
    err = done("demo", "--synthetic", "-o", tmp_path / "demo").err
    for command in re.findall(r"refeed (recommend .*)", err):
        assert "Recommended for" in done(*shlex.split(command)).out


def test_earlier_results_are_refused_before_any_work_unless_they_may_be_replaced(tmp_path):
    done("demo", "--synthetic", "-o", tmp_path / "demo")
    run_error = refused(7, "demo", "--synthetic", "-o", tmp_path / "demo")
    assert run_error.startswith(f"{tmp_path / 'demo' / 'model'}: exists already; choose another path")
    done("demo", "--synthetic", "-o", tmp_path / "demo", "--overwrite", "--seed", "5")
    assert load(tmp_path / "demo" / "model").provenance.seed == 5
