"""`refeed synth`."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest

from helpers.command_line import done, refeed, refused
from refeed.data.synthetic.world import SIZES
from refeed.readers import read_ratings

SMALL = ("--users", "60", "--items", "25", "--ratings", "700")


def test_folder_of_the_netflix_prize_is_written_and_reported(tmp_path):
    run = done("synth", "-o", tmp_path / "world", *SMALL)
    size = sum(file.stat().st_size for file in (tmp_path / "world").rglob("*") if file.is_file())
    first, second = run.out.splitlines()
    assert re.fullmatch(rf"{tmp_path / 'world'}: {size / 1e6:,.1f} MB in \d+\.\d s", first)
    assert second.startswith("Synthetic ratings by refeed: 60 users, 25 items, 700 ratings, seed 0.")
    ratings = read_ratings(tmp_path / "world")
    assert (ratings.num_users, ratings.num_items, len(ratings)) == (60, 25, 700)


def test_ending_parquet_makes_one_file(tmp_path):
    run = done("synth", "-o", tmp_path / "world.parquet", *SMALL)
    assert pq.read_metadata(tmp_path / "world.parquet").num_rows == 700
    assert f"{(tmp_path / 'world.parquet').stat().st_size / 1e6:,.1f} MB" in run.out


def test_sizes_of_a_published_data_set_are_taken_by_name(tmp_path):
    done("synth", "-o", tmp_path / "world.parquet", "--like", "ml-100k")
    ratings = read_ratings(tmp_path / "world.parquet")
    assert (ratings.num_users, ratings.num_items, len(ratings)) == (943, 1_682, 100_000)


def test_help_names_every_data_set():
    text = refeed("synth", "--help").out
    assert [name for name in SIZES if name not in text] == []


def test_seed_decides(tmp_path):
    for name, seed in (("one", "1"), ("again", "1"), ("two", "2")):
        done("synth", "-o", tmp_path / f"{name}.parquet", *SMALL, "--seed", seed)
    one, again, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "again", "two"))
    assert one.equals(again)
    assert not one.equals(two)


@pytest.mark.parametrize(("name", "layout", "is_file"), [("a.data", "parquet", True), ("a.v2", "netflix", False)])
def test_layout_can_be_said_for_other_endings(tmp_path, name, layout, is_file):
    done("synth", "-o", tmp_path / name, *SMALL, "--layout", layout)
    assert (tmp_path / name).is_file() == is_file
    assert len(read_ratings(tmp_path / name)) == 700


def test_results_split_at_the_dates_of_the_netflix_prize(tmp_path):
    done("synth", "-o", tmp_path / "world", "--users", "500", "--items", "100", "--ratings", "9000")
    assert "train" in done("split", tmp_path / "world", "--split", "netflix-full").out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give all of --users, --items and --ratings, or --like alone, for example --like netflix"),
        (("--users", "5", "--items", "5"), "give all of --users, --items and --ratings"),
        (("--like", "netflix", "--seed", "1", "--users", "5"), "or --like alone"),
        (("--like", "netflx"), "--like: 'netflx' is unknown; did you mean 'netflix'?; expected one of netflix, ml-100k"),
        (
            ("--users", "5", "--items", "5", "--ratings", "26"),
            "at most one for each of their 25 pairs with the 5 items, got 26",
        ),
        (("--users", "5", "--items", "5", "--ratings", "4"), "expected at least one for each of 5 users"),
        (("--users", "0", "--items", "5", "--ratings", "4"), "num_ratings: expected at least one for each of 0 users"),
    ],
)
def test_sizes_that_are_not_told_or_cannot_be_are_refused(tmp_path, options, words):
    assert words in refused(4, "synth", "-o", tmp_path / "world", *options)
    assert list(tmp_path.iterdir()) == []


def test_unknown_ending_is_refused(tmp_path):
    error = refused(4, "synth", "-o", tmp_path / "world.csv", *SMALL)
    assert "expected the name of a folder or of a .parquet file" in error
    assert "--layout netflix (a folder) or --layout parquet (a file)" in error


@pytest.mark.parametrize("name", ["world", "world.parquet"])
def test_earlier_results_stay_unless_they_may_be_replaced(tmp_path, name):
    done("synth", "-o", tmp_path / name, *SMALL)
    assert "exists already; choose another path" in refused(7, "synth", "-o", tmp_path / name, *SMALL)
    done("synth", "-o", tmp_path / name, *SMALL[:-1], "800", "--overwrite")
    assert len(read_ratings(tmp_path / name)) == 800


def test_folder_of_something_else_is_refused_before_any_work(tmp_path):
    (tmp_path / "thesis.txt").touch()
    assert "holds no INVENTED.txt" in refused(7, "synth", "-o", tmp_path, "--like", "netflix", "--overwrite")
