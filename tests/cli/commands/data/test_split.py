"""`refeed split`, and the options of splitting that `refeed train` shares."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from helpers.command_line import done, refused, write_ratings


def sizes(out: str) -> dict[str, int]:
    """The number of ratings of each part in the table."""
    rows = re.findall(r"(?m)^(train|valid|test)\s+([\d,]+)", out)
    return {name: int(number.replace(",", "")) for name, number in rows}


@pytest.mark.parametrize(
    ("options", "expected", "note"),
    [
        ((), (480, 73, 47), "the default for ratings with times is time"),
        (("--split", "time", "--fraction", "0.5"), (300, 170, 130), "The future begins at 2020-09-26T00:26:40Z"),
        (("--split", "time", "--at", "2020-09-26T00:26:40Z"), (300, 170, 130), "The future begins at 2020-09-26T00:26:40Z"),
        (("--split", "time", "--fraction", "0.5", "--valid-share", "0.2"), (300, 61, 239), "300 train"),
        (("--split", "time", "--fraction", "0.5", "--train-from", "2020-09-20"), (222, 128, 94), "left out: before 2020-09-20"),
        (("--split", "user-time", "--last", "2"), (440, 80, 80), "too few ratings for all three sets"),
        (("--split", "user-time"), (520, 40, 40), "The last 10% of each user's ratings are test"),
        (("--split", "random"), (480, 60, 60), "split: 480 train, 60 valid, 60 test ratings"),
        (("--split", "random", "--test-share", "0.3", "--valid-share", "0.2"), (300, 120, 180), "300 train"),
        (("--split", "k-fold", "--folds", "4", "--fold", "3"), (405, 45, 150), "405 train"),
    ],
)
def test_each_kind_of_split_has_its_sizes_and_says_what_was_chosen(ratings_csv, options, expected, note):
    run = done("split", ratings_csv, *options)
    assert note in run.err
    assert tuple(sizes(run.out).values()) == expected


def test_ratings_without_times_are_split_at_random_and_it_is_said(tmp_path):
    lines = [f"{user},{item},{(user + item) % 5}" for user in range(5) for item in range(6)]
    (tmp_path / "a.csv").write_text("\n".join(["user,item,rating", *lines]))
    run = done("split", tmp_path / "a.csv", "--split-seed", "3")
    assert "the default for ratings without times is random" in run.err
    assert sizes(run.out) == {"train": 24, "valid": 3, "test": 3}
    assert "cannot be judged" in run.out


def test_column_splits_and_valid_is_carved_from_train(tmp_path):
    path = write_ratings(tmp_path / "a.csv", with_fold=True)
    tests = path.read_text().count(",test")
    run = done("split", path, "--split-column", "fold", "--valid-share", "0.2")
    counted = sizes(run.out)
    assert counted["test"] == tests
    assert counted["valid"] == round(0.2 * (600 - tests))
    assert "labels no rating as valid" in run.err


def test_json_on_standard_output_is_all_that_is_there(ratings_csv):
    report = json.loads(done("split", ratings_csv, "--split", "random", "--json", "-").out)
    assert report["split"] == {"kind": "random", "valid": 0.1, "test": 0.1, "seed": 0}
    assert report["ratings"] == {"train": 480, "valid": 60, "test": 60}
    assert len(report["fingerprint"]) == 32
    assert report["leaks"]["future_leaks"] is True


def test_json_goes_to_a_file_beside_the_table(ratings_csv, tmp_path):
    run = done("split", ratings_csv, "--split", "random", "--json", tmp_path / "split.json")
    assert json.loads((tmp_path / "split.json").read_text())["ratings"] == sizes(run.out)


def test_written_file_has_every_kept_rating_with_its_part(ratings_csv, tmp_path):
    run = done("split", ratings_csv, "--split", "random", "-o", tmp_path / "parts.parquet")
    table = pq.read_table(tmp_path / "parts.parquet")
    assert table.column_names == ["user", "item", "rating", "time", "split"]
    counts = {row["values"]: row["counts"] for row in table["split"].value_counts().to_pylist()}
    assert counts == sizes(run.out)


def test_suffix_says_what_is_written(ratings_csv, tmp_path):
    for name in ("parts.csv", "parts.parquet"):
        done("split", ratings_csv, "--split", "random", "-o", tmp_path / name)
    assert csv.read_csv(tmp_path / "parts.csv").equals(pq.read_table(tmp_path / "parts.parquet").cast(
        csv.read_csv(tmp_path / "parts.csv").schema))  # fmt: skip
    error = refused(4, "split", tmp_path / "absent.csv", "-o", tmp_path / "parts.txt")
    assert "parts.txt: expected a name that ends in .parquet or .csv, which says what is written" in error


def test_parts_are_written_some_users_at_a_time(ratings_csv, tmp_path, monkeypatch):
    done("split", ratings_csv, "--split", "random", "-o", tmp_path / "whole.parquet")
    monkeypatch.setattr("refeed.data.row_blocks.BLOCK", 40)
    done("split", ratings_csv, "--split", "random", "-o", tmp_path / "blocks.parquet")
    assert pq.ParquetFile(tmp_path / "blocks.parquet").num_row_groups > 10
    assert pq.read_table(tmp_path / "blocks.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))


def test_written_file_splits_in_the_same_way_again(tmp_path):
    path = write_ratings(tmp_path / "a.csv", with_fold=True)
    first = done("split", path, "--split-column", "fold", "-o", tmp_path / "one.parquet").out
    again = done("split", tmp_path / "one.parquet", "--split-column", "split", "-o", tmp_path / "two.parquet").out
    assert sizes(again) == sizes(first)
    assert pq.read_table(tmp_path / "two.parquet").column_names == ["user", "item", "rating", "time", "split"]


def test_existing_output_is_refused_before_the_source_is_read(tmp_path):
    (tmp_path / "parts.parquet").touch()
    error = refused(7, "split", tmp_path / "absent.csv", "-o", tmp_path / "parts.parquet")
    assert "parts.parquet: exists already" in error


def test_most_of_the_future_being_new_users_is_said(tmp_path):
    lines = [f"{user},{item},3,{1_600_000_000 + 100 * user + item}" for user in range(20) for item in range(10)]
    lines += [f"0,{item},3,{1_700_000_000 + item}" for item in range(10, 14)] + [
        f"1,{item},3,1600000000" for item in range(10, 14)
    ]
    (tmp_path / "a.csv").write_text("\n".join(["user,item,rating,time", *lines]))
    assert (
        "--split user-time keeps the last ratings of every user" in done("split", tmp_path / "a.csv", "--fraction", "0.7").err
    )


@pytest.mark.parametrize(
    ("status", "options", "words"),
    [
        (4, ("--split", "time", "--last", "3"), "--last does not go with time"),
        (4, ("--split", "random", "--fraction", "0.3"), "--fraction does not go with random"),
        (4, ("--split", "netflix-full", "--at", "2005-01-01"), "--at does not go with netflix-full"),
        (4, ("--split", "time", "--split-column", "fold"), "--split and --split-column: give one of them"),
        (4, ("--split-column", "fold", "--test-share", "0.2"), "--test-share does not go with --split-column"),
        (3, ("--split-column", "fold"), "there is no column 'fold'"),
        (3, ("--split", "time", "--at", "2099-01-01"), "the valid set has no ratings (train 600, valid 0, test 0)"),
        (3, ("--split", "time", "--at", "soon"), "expected a date such as 2005-12-01"),
        (3, ("--split", "time", "--fraction", "1.5"), "expected a share between 0 and 1 or none, got 1.5"),
        (3, ("--split", "k-fold", "--folds", "3", "--fold", "3"), "fold: expected 0 to 2, got 3"),
        (3, ("--split", "netflix-1-year"), "set has no ratings"),
    ],
)
def test_splits_that_cannot_be_are_refused(ratings_csv, status, options, words):
    assert words in refused(status, "split", ratings_csv, *options)
