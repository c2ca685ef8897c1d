"""`refeed evaluate`."""

from __future__ import annotations

import importlib
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from helpers.command_line import QUICK, done, refused, squeezed, write_ratings
from refeed.data.splits.time import TimeSplit
from refeed.fitted_model import load
from refeed.inference.predict import predict
from refeed.readers import read_ratings


@pytest.fixture(scope="module")
def numbers(model, ratings_csv) -> dict:
    """What the world's model scores on its test part."""
    return json.loads(done("evaluate", model, ratings_csv, "--json", "-").out)


def test_rmse_and_mae_are_those_of_the_predictions(model, ratings_csv, numbers):
    split = TimeSplit(fraction=0.8).apply(read_ratings(ratings_csv))
    users, items = split.test.users.decode(split.test.row_of_rating), split.test.items.decode(split.test.indices)
    errors = predict(load(model), users, items) - split.test.values
    assert numbers["rmse"] == pytest.approx(math.sqrt(np.square(errors).mean()), abs=1e-6)
    assert numbers["mae"] == pytest.approx(np.abs(errors).mean(), abs=1e-6)
    assert (numbers["num_ratings"], numbers["num_users"], numbers["part"]) == (47, 29, "test")
    assert numbers["rmse_interval"][0] < numbers["rmse"] < numbers["rmse_interval"][1]
    assert numbers["cold"] == {"users": 0, "items": 0, "ratings": 0}


def test_baseline_stands_beside_the_model_unless_left_out(model, ratings_csv, numbers, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "bias", "--model", "bias")
    alone = json.loads(done("evaluate", tmp_path / "bias", ratings_csv, "--json", "-").out)
    assert alone["baselines"] == {}
    assert numbers["baselines"]["user and item biases"]["rmse"] == pytest.approx(alone["rmse"], abs=1e-9)
    without = json.loads(done("evaluate", model, ratings_csv, "--no-baseline", "--json", "-").out)
    assert (without["baselines"], without["rmse"]) == ({}, numbers["rmse"])


def test_tables_show_the_numbers(model, ratings_csv, numbers, tmp_path):
    run = done("evaluate", model, ratings_csv, "--json", tmp_path / "evaluation.json")
    assert json.loads((tmp_path / "evaluation.json").read_text()) == numbers
    out = squeezed(run.out)
    low, high = numbers["rmse_interval"]
    assert "47 test ratings of 29 users; intervals by bootstrap over users" in out
    assert f"autoencoder {numbers['rmse']:.4f} {low:.4f}–{high:.4f} {numbers['mae']:.4f}" in out
    assert "All test ratings were scored." in out
    assert f"{numbers['ranking']['ndcg@10']:.4f}" in out


def test_calibration_of_the_intervals_is_shown(model, ratings_csv, numbers):
    out = squeezed(done("evaluate", model, ratings_csv).out)
    levels = {one["level"]: one for one in numbers["calibration"]["levels"]}
    assert f"Prediction intervals, CRPS {numbers['calibration']['crps']:.4f}" in out
    for level in (0.5, 0.8, 0.9, 0.95):
        assert f"{level:.0%} {levels[level]['coverage']:.1%} " in out


def test_model_without_intervals_is_told(model, ratings_csv, tmp_path):
    replace(load(model), intervals=None).save(tmp_path / "old")
    run = done("evaluate", tmp_path / "old", ratings_csv, "-k", "0")
    assert "No prediction intervals: the model folder has none" in run.err
    assert "Prediction intervals" not in run.out


def test_part_and_lengths_of_the_list_are_chosen(model, ratings_csv):
    scored = json.loads(done("evaluate", model, ratings_csv, "--part", "valid", "-k", "3", "--k", "5", "--json", "-").out)
    assert (scored["part"], scored["num_ratings"]) == ("valid", 73)
    assert {metric.partition("@")[2] for metric in scored["ranking"]} == {"3", "5"}


def test_ranking_can_be_left_out(model, ratings_csv):
    run = done("evaluate", model, ratings_csv, "-k", "0")
    assert "ndcg" not in run.out
    assert "No ranking" not in run.err


def test_training_ratings_cannot_be_ranked_and_it_is_said(model, ratings_csv):
    run = done("evaluate", model, ratings_csv, "--part", "train")
    assert "480 train ratings of 40 users" in run.out
    assert "No ranking: no user rated an item 4 or more that the model has not seen." in run.err


def test_report_is_one_page_with_the_numbers(model, ratings_csv, numbers, tmp_path):
    run = done("evaluate", model, ratings_csv, "--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert f"report: {tmp_path / 'report.html'}" in run.err
    assert f"{numbers['rmse']:.4f}" in page
    assert "encoder = [8]" in page
    assert f"refeed evaluate {model} {ratings_csv}" in page


def test_existing_report_is_refused_before_the_model_is_read(tmp_path):
    (tmp_path / "report.html").touch()
    error = refused(7, "evaluate", tmp_path / "absent", "absent.csv", "--report", tmp_path / "report.html")
    assert "report.html: exists already" in error


def test_json_that_cannot_be_written_is_refused_before_the_model_is_read(tmp_path):
    (tmp_path / "folder").mkdir()
    error = refused(7, "evaluate", tmp_path / "absent", "absent.csv", "--json", tmp_path / "folder")
    assert "folder: is a folder, expected a file name" in error


def test_missing_extra_is_said_before_the_model_is_read(tmp_path, monkeypatch):
    real = importlib.import_module

    def without_matplotlib(name: str, *rest):
        if name == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", without_matplotlib)
    error = refused(4, "evaluate", tmp_path / "absent", "absent.csv", "--report", tmp_path / "report.html")
    assert "pip install 'refeed[report]'" in error


def test_data_are_read_as_in_training(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    path.write_text(path.read_text().replace("user,item,rating,time", "wer,was,note,wann").replace(",", ";"))
    columns = ("--user", "wer", "--item", "was", "--rating", "note", "--time", "wann", "--scale", "0", "6")
    done("train", path, "-o", tmp_path / "model", *QUICK, *columns)
    assert json.loads(done("evaluate", tmp_path / "model", path, "--json", "-").out)["num_ratings"] == 47


def test_what_is_said_goes_over_what_was_recorded(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    done("train", path, "-o", tmp_path / "model", *QUICK, "--user", "user", "--scale", "0", "6")
    error = refused(3, "evaluate", tmp_path / "model", path, "--scale", "1", "5")
    assert "not the ratings that the model was trained on" in error  # the scale is a part of what ratings are


def test_store_of_the_same_ratings_serves_as_well(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    options = ("--user", "user", "--scale", "0", "6")
    done("train", path, "-o", tmp_path / "model", *QUICK, *options)
    done("import", path, "-o", tmp_path / "store", *options)
    assert json.loads(done("evaluate", tmp_path / "model", tmp_path / "store", "--json", "-").out)["num_ratings"] == 47


def test_other_ratings_are_refused(model, tmp_path):
    other = write_ratings(tmp_path / "a.csv", users=41)
    error = refused(3, "evaluate", model, other)
    assert "not the ratings that the model was trained on (other fingerprint)" in error
    assert "--history FILE" in error


def test_new_people_are_scored_from_their_history(model, tmp_path):
    (tmp_path / "seen.csv").write_text("user,item,rating\n901,101,5\n901,102,4\n902,103,2\n")
    (tmp_path / "asked.csv").write_text("user,item,rating\n901,110,5\n902,111,1\n902,999,3\n903,101,3\n")
    run = done("evaluate", model, tmp_path / "asked.csv", "--history", tmp_path / "seen.csv", "--json", tmp_path / "e.json")
    scored = json.loads((tmp_path / "e.json").read_text())
    assert (scored["num_ratings"], scored["num_users"], scored["part"]) == (2, 2, "given")
    assert scored["cold"] == {"users": 1, "items": 1, "ratings": 2}
    assert re.search("2 ratings were not scored.*: 1 users and 1 items", run.out)


def test_history_with_the_answers_in_it_is_refused(model, tmp_path):
    (tmp_path / "seen.csv").write_text("user,item,rating\n901,101,5\n901,102,4\n")
    (tmp_path / "asked.csv").write_text("user,item,rating\n901,102,4\n901,103,4\n")
    error = refused(3, "evaluate", model, tmp_path / "asked.csv", "--history", tmp_path / "seen.csv")
    assert "seen.csv: 1 of the ratings to score are of a user and an item that are in this history too" in error


def test_part_does_not_go_with_a_history(model, ratings_csv):
    assert "--part goes with the model's own split" in refused(
        4, "evaluate", model, ratings_csv, "--history", ratings_csv, "--part", "test"
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "model.safetensors is damaged"),
        (lambda folder: (folder / "users.arrow").unlink(), "users.arrow is missing"),
        (lambda folder: (folder / "config.json").write_text("{}"), "config.json is of another program"),
        (lambda folder: (folder / "config.json").unlink(), "it has no config.json"),
        (lambda folder: (folder / "notes.txt").touch(), "holds notes.txt, which does not belong to it"),
    ],
)
def test_damaged_or_foreign_model_folder_is_refused_with_the_reason(ratings_csv, tmp_path, damage, words):
    done("train", ratings_csv, "-o", tmp_path / "model", "--model", "bias")
    damage(tmp_path / "model")
    assert words in refused(5, "evaluate", tmp_path / "model", ratings_csv)


def test_absent_model_is_refused(ratings_csv, tmp_path):
    assert refused(5, "evaluate", tmp_path / "absent", ratings_csv).endswith("absent: there is no such model folder\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-k", "-1"), "ks: expected at least 1"),
        (("--resamples", "1"), "resamples: expected at least 2, for an interval has two ends, got 1"),
        (("--relevant-from", "6"), "relevant_from: expected a rating of the scale 1 to 5, got 6"),
    ],
)
def test_numbers_out_of_their_range_are_refused_before_the_data_are_read(model, options, words):
    assert words in refused(4, "evaluate", model, "absent.csv", *options)


def test_outputs_are_kept_apart_from_inputs_and_from_each_other(model, ratings_csv, tmp_path):
    error = refused(7, "evaluate", model, ratings_csv, "--json", ratings_csv, "--overwrite")
    assert "ratings.csv: is also named as another file of this command" in error
    same = tmp_path / "out"
    assert "is also named" in refused(7, "evaluate", model, ratings_csv, "--json", same, "--report", same)
    assert "lies in" in refused(7, "evaluate", model, ratings_csv, "--report", model / "report.html")


def test_existing_json_is_refused_before_the_model_is_read(tmp_path):
    (tmp_path / "e.json").touch()
    assert "e.json: exists already" in refused(7, "evaluate", tmp_path / "absent", "a.csv", "--json", tmp_path / "e.json")
