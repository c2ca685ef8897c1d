"""The report: the page, the figures, the tables of runs and the manifest, all or nothing."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import refeed
from helpers.made_up_runs import TINY, benchmark_result, experiment_result
from helpers.small_worlds import random_split
from refeed.data.splits.base import ColdCounts
from refeed.data.splits.time import NetflixSplit
from refeed.errors import StorageError
from refeed.reproduce.ablations import activations
from refeed.reproduce.benchmark.netflix import netflix_table
from refeed.reproduce.benchmark.statistics import score_benchmark
from refeed.reproduce.benchmark.tables import benchmark_table
from refeed.reproduce.report import write_report
from refeed.runs.manifest import Circumstances, machine, machine_text

SPLIT = replace(random_split(users=50, items=20), cold={"test": ColdCounts(2, 1, 17)}, left_out={"from 2020 on": 4})
BEGAN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
CIRCUMSTANCES = Circumstances("small.csv", "refeed reproduce all --data small.csv", BEGAN, 90.0, workers=2, threads=4)
ERRORS = {"bias": 0.9, "rrn": 0.5, "deep": None}


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    return score_benchmark(benchmark_result(SPLIT, tmp_path_factory.mktemp("runs"), ERRORS))


@pytest.fixture(scope="module")
def report(tmp_path_factory, scores):
    folder = tmp_path_factory.mktemp("experiments")
    results = [experiment_result(activations.EXPERIMENT)]
    page = write_report(results, folder, split=SPLIT, scale=TINY, circumstances=CIRCUMSTANCES, benchmarks={"benchmark": scores})
    assert page == folder / "report" / "report.html"
    return page.parent


def test_page_holds_every_experiment_with_the_papers_words_and_findings(report):
    html = (report / "report.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "Summary", "Effect of the activation", "Benchmark", "Protocol",
    ]  # fmt: skip
    assert activations.EXPERIMENT.question in html
    assert 'class="open"' in html  # all settings of these experiments have the same errors
    assert "refeed reproduce all --data small.csv" in html
    assert "on 2026-01-02 at 03:04 UTC; this call took 1.5 minutes" in html


def test_page_needs_nothing_else(report):
    html = (report / "report.html").read_text()
    assert set(re.findall(r"https?://[^\s\"<]+", html)) == {"http://www.w3.org/2000/svg"}
    assert "<script" not in html and "<img" not in html


def test_every_figure_of_the_page_is_there_as_png_and_svg(report):
    html = (report / "report.html").read_text()
    files = sorted(path.name for path in (report / "figures").iterdir())
    names = {name.rpartition(".")[0] for name in files}
    assert files == sorted(f"{name}.{ending}" for name in names for ending in ("png", "svg"))
    assert len(names) == html.count("<svg ")
    assert {"activations-train", "activations-train-controls", "activations-paper-final-train"} <= names
    assert {"benchmark-rmse", "benchmark-differences", "benchmark-by-user", "benchmark-by-item"} <= names
    assert all((report / "figures" / name).stat().st_size > 1000 for name in files)


def test_every_run_has_a_row_and_every_epoch_another(report):
    with (report / "runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    with (report / "epochs.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert len(runs) == 9 * 2 + 3 * 2 + 2 * 2  # settings and seeds; trials of three systems; finals of two
    assert {row["experiment"] for row in runs} == {"activations", "benchmark"}
    assert {row["role"] for row in runs} == {"paper", "control", "trial 1", "trial 2", "final"}
    assert all((row["test_rmse"] != "") == (row["role"] == "final") for row in runs)
    assert len(epochs) == sum(int(row["epochs"]) for row in runs)
    assert epochs[0].keys() >= {"train_rmse", "valid_rmse", "fingerprint"}
    selu = next(row for row in runs if row["setting"] == "SELU")
    assert json.loads(selu["model"])["activation"] == "selu" and float(selu["final_train_rmse"]) == pytest.approx(0.9)


def test_manifest_says_what_it_rests_on(report):
    described = json.loads((report / "manifest.json").read_text())
    assert described["refeed"] == refeed.__version__
    assert {"torch", "numpy"} <= described["libraries"].keys()
    assert described["machine"] == machine() and described["machine"]["cores"] >= 1
    assert (described["command"], described["seconds"], described["seeds"]) == (CIRCUMSTANCES.command, 90.0, [0, 1])
    (split,) = described["splits"]
    assert split["fingerprint"] == SPLIT.fingerprint and split["cold"]["test"]["ratings"] == 17
    with (report / "runs.csv").open() as file:
        assert {row["fingerprint"] for row in csv.DictReader(file)} == set(described["runs"])


def test_report_is_replaced_but_nothing_else_is(tmp_path):
    def write() -> None:
        write_report([], tmp_path, split=SPLIT, scale=TINY, circumstances=CIRCUMSTANCES)

    write()
    write()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    (tmp_path / "report" / "manifest.json").unlink()
    with pytest.raises(StorageError, match=r"holds no manifest\.json"):
        write()
    assert (tmp_path / "report" / "report.html").is_file()


def test_netflix_splits_stand_beside_each_other_and_the_papers_numbers(tmp_path):
    benchmarks = {}
    for name in ("full", "3-months"):
        split = replace(SPLIT, splitter=NetflixSplit(name))
        published = {"full": 0.9224, "3-months": 0.9427}
        benchmarks[name] = score_benchmark(
            benchmark_result(split, tmp_path / name, {"rrn": 0.5, "deep": None}, published=published)
        )
    rrn, deep = netflix_table(benchmarks).rows
    assert rrn == ["RRN", benchmarks["full"].scores[0].rmse, 0.9224, benchmarks["3-months"].scores[0].rmse, 0.9427]
    assert deep[1] is None
    assert benchmark_table(benchmarks["full"]).rows[0][-1] == 0.9224
    page = write_report([], tmp_path / "out", split=SPLIT, scale=TINY, circumstances=CIRCUMSTANCES, benchmarks=benchmarks)
    titles = re.findall(r"<h2>(.*?)</h2>", page.read_text())
    assert titles == [
        "Summary",
        "Netflix, all splits",
        "Benchmark: Netflix, whole set",
        "Benchmark: Netflix, 3 months",
        "Protocol",
    ]
    assert (page.parent / "figures" / "benchmark-3-months-rmse.svg").is_file()


def test_main_findings_of_all_experiments_come_first(report):
    summary = (report / "report.html").read_text().partition("Summary</h2>")[2].partition("<h2>")[0]
    assert "Effect of the activation: SELU, ELU and leaky ReLU" in summary and "The lowest RMSE is that of RRN" in summary


def test_machine_is_told_in_words():
    assert re.search(r", \d+ cores?(, \d+ GiB of memory)?$", machine_text())
