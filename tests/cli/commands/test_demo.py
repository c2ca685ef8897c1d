"""`refeed demo`."""

from __future__ import annotations

import functools
import re
import shlex
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from helpers.command_line import Run, done, refused, write_ratings
from refeed.cli.commands.demo import LEAST_RATINGS
from refeed.data.store.store import open_store
from refeed.data.synthetic.films import synthetic_films
from refeed.errors import DataError, StorageError
from refeed.fitted_model import load

CLEARLY_SYNTHETIC = "SYNTHETIC DATA: generated users, films and ratings, so the numbers below say nothing about real people.\n"


@pytest.fixture(scope="module", autouse=True)
def quick_and_offline(tmp_path_factory):
    """A smaller ensemble, fewer synthetic ratings, no data on this machine, and no network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("refeed.cli.commands.demo.MEMBERS", ("als epochs=2", "bias"))
        few = functools.partial(synthetic_films, num_users=60, num_films=80, ratings_per_user=30.0)
        patch.setattr("refeed.data.synthetic.films.synthetic_films", few)
        patch.delenv("REFEED_DATA", raising=False)
        patch.setattr("refeed.data.datasets.cache_folder", lambda: tmp_path_factory.getbasetemp() / "cache")
        fetching_fails(patch, DataError("cannot be downloaded (no answer within 5 s)", path="https://example.invalid"))
        yield


def fetching_fails(monkeypatch, error: Exception) -> None:
    """Let the publisher be out of reach."""

    def fetch(name: str) -> Path:
        raise error

    monkeypatch.setattr("refeed.data.datasets.fetch_dataset", fetch)


@dataclass(frozen=True)
class Demo:
    """A demo that ran, and its output folder."""

    folder: Path
    run: Run

    @property
    def page(self) -> str:
        """The text of its report."""
        return unescape((self.folder / "report.html").read_text())


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory) -> Path:
    """The parent of a small folder of the form of ml-latest-small; item 130 is rare."""
    parent = tmp_path_factory.mktemp("data")
    folder = parent / "ml-latest-small"
    folder.mkdir()
    path = write_ratings(folder / "ratings.csv")
    header, *lines = path.read_text().splitlines()
    rare = [line for line in lines if line.split(",")[1] == "130"]
    kept = [line for line in lines if line not in rare[LEAST_RATINGS - 1 :]]
    path.write_text("\n".join([header.replace("user,item,rating,time", "userId,movieId,rating,timestamp"), *kept]) + "\n")
    titles = [f"{item},Film {item} (1999),Drama" for item in range(101, 131)]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *titles]) + "\n")
    return parent


@pytest.fixture(scope="module")
def real(data_folder, tmp_path_factory) -> Demo:
    """The demo on that folder."""
    folder = tmp_path_factory.mktemp("real") / "my demo"
    return Demo(folder, done("demo", "--data-folder", data_folder, "-o", folder, "--threads", "1"))


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory) -> Demo:
    """The demo on synthetic ratings."""
    folder = tmp_path_factory.mktemp("synthetic") / "demo"
    return Demo(folder, done("demo", "--synthetic", "-o", folder))


def test_whole_job_is_done_on_real_data(real, data_folder):
    assert sorted(path.name for path in real.folder.iterdir()) == ["model", "ratings", "report.html"]
    assert f"real data: {data_folder / 'ml-latest-small'}\n" in real.run.err
    assert "SYNTHETIC" not in real.run.err
    stored = open_store(real.folder / "ratings")
    fitted = load(real.folder / "model")
    assert fitted.provenance.data_fingerprint == stored.fingerprint
    assert len(fitted.histories) == len(stored) - 2 * 40  # a tenth of 15 ratings for test, another for validation
    assert "40 test ratings of 40 users; intervals by bootstrap over users" in real.run.out
    assert re.search(r"(?m)^small ensemble +0\.\d{4}", real.run.out)
    assert re.search(r"(?m)^user and item biases +0\.\d{4}", real.run.out)


def test_what_is_trained_is_said(real):
    assert "A small ensemble" in real.run.err
    assert "member 1 of 2: als epochs=2" in real.run.err
    assert "1 threads, seed 0" in real.run.err


def test_ten_films_with_enough_ratings_are_recommended_by_title(real):
    listed = re.findall(r"(?m)^ *(\d+) +(\d+) +(Film \d+ \(1999\)) +[1-5]\.\d\d$", real.run.out)
    assert [int(rank) for rank, _, _ in listed] == list(range(1, 11))
    assert all(title == f"Film {item} (1999)" for _, item, title in listed)
    assert "130" not in {item for _, item, _ in listed}
    assert re.search(rf"Recommended to user \d+, of items with {LEAST_RATINGS} training ratings or more\n", real.run.out)


def test_what_the_user_rated_highest_stands_above_the_list(real):
    ((user, history),) = re.findall(r"User (\d+) rated highest:\n((?: +\d\S* +Film.*\n){5})\n", real.run.out)
    assert f"Recommended to user {user}," in real.run.out
    stars = [float(line.split()[0]) for line in history.splitlines()]
    assert stars == sorted(stars, reverse=True)
    recommended = re.findall(r"(?m)^ *\d+ +\d+ +(Film \d+)", real.run.out)
    assert not {*re.findall(r"Film \d+", history)} & {*recommended}


def test_report_holds_the_printed_numbers_and_films(real):
    numbers = re.findall(r"\d\.\d{4}–\d\.\d{4}", real.run.out)
    assert len(numbers) == 4
    assert [number for number in numbers if number not in real.page] == []
    recommended = real.run.out[real.run.out.index("Recommended to") :]
    assert [title for title in re.findall(r"Film \d+ \(1999\)", recommended) if title not in real.page] == []
    assert "MovieLens ml-latest-small" in real.page
    assert real.page.count("<svg") >= 3


@pytest.mark.parametrize("name", ["real", "synthetic"])
def test_commands_to_try_next_work_as_they_are_printed(name, request):
    commands = re.findall(r"refeed (recommend .*)", request.getfixturevalue(name).run.err)
    assert len(commands) == 2
    for command in commands:
        assert "Recommended for" in done(*shlex.split(command)).out


def test_data_are_found_where_the_environment_says(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REFEED_DATA", str(data_folder))
    assert f"real data: {data_folder / 'ml-latest-small'}\n" in done("demo", "-o", tmp_path / "demo").err


def test_folder_without_the_data_set_is_refused_rather_than_passed_over(tmp_path):
    error = refused(3, "demo", "--data-folder", tmp_path, "-o", tmp_path / "demo")
    assert error.startswith(f"{tmp_path}: there is no folder ml-latest-small in it")
    assert "--data-folder" in error


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


def test_synthetic_films_have_titles_with_genre_and_users_a_known_taste(synthetic):
    assert CLEARLY_SYNTHETIC in synthetic.run.err
    assert "fetch" not in synthetic.run.err
    assert "synthetic ratings of films" in synthetic.page
    listed = re.findall(r"(?m)^ *\d+ +\d+ +(\S.* \(\d{4}\) · [A-Z][A-Za-z ]+?) +\d\.\d\d$", synthetic.run.out)
    assert len(listed) == 10
    assert [title for title in listed if title not in synthetic.page] == []
    films = synthetic_films(num_users=60, num_films=80, ratings_per_user=30.0, seed=0)
    assert set(listed) <= set(films.titles)
    (user, taste) = re.findall(r"User (\d+), made to like (.*), and films of about \d{4}, rated highest:", synthetic.run.out)[0]
    assert set(taste.split(" and ")) == films.liked_genres[int(user) - 1]
    assert open_store(synthetic.folder / "ratings").fingerprint == films.ratings.fingerprint


def test_earlier_results_are_refused_before_any_work_unless_they_may_be_replaced(tmp_path, synthetic):
    folder = tmp_path / "demo"
    done("demo", "--synthetic", "-o", folder)
    assert refused(7, "demo", "--synthetic", "-o", folder).startswith(f"{folder / 'model'}: exists already")
    done("demo", "--synthetic", "-o", folder, "--overwrite", "--seed", "5")
    assert load(folder / "model").provenance.seed == 5
    first, second = (open_store(path / "ratings").fingerprint for path in (synthetic.folder, folder))
    assert first != second
