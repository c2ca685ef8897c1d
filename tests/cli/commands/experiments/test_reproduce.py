"""`refeed reproduce`: the paper's experiments by one command."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.command_line import done, refeed, refused, squeezed, write_ratings
from helpers.one_process import OneProcess
from refeed.cli.commands.experiments.reproduce import Budget, Name
from refeed.data.splits.column import ColumnSplit
from refeed.data.splits.time import NETFLIX_MONTHS, NetflixSplit
from refeed.reproduce import report
from refeed.reproduce.ablations.ablations import EXPERIMENTS
from refeed.reproduce.benchmark import benchmark
from refeed.reproduce.benchmark.systems import HAND_PICKED, systems
from refeed.reproduce.scales import SCALES
from refeed.runs import queue as run_queue

TINY = ("--budget", "tiny", "--threads", 1)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """No new processes, and of all systems only the biases and EASE."""
    OneProcess.done.clear()
    few = [one for one in systems(SCALES["tiny"]) if one.name in ("bias", "ease")]
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)
    monkeypatch.setattr(benchmark, "all_systems", lambda _: few)


@pytest.fixture
def data(tmp_path) -> Path:
    return write_ratings(tmp_path / "ratings.csv", with_fold=True)


def test_names_and_budgets_are_those_that_there_are():
    assert [str(name) for name in Name] == [*EXPERIMENTS, "benchmark", "all"]
    assert [str(budget) for budget in Budget] == list(SCALES)


def test_experiment_gives_a_table_findings_and_a_report_and_does_no_run_twice(data, tmp_path):
    command = ("reproduce", "dropout", "--data", data, "-o", tmp_path / "out", *TINY)
    first = done(*command)
    assert len(OneProcess.done) == 4 * 2
    lines = first.out.splitlines()
    assert lines[0].startswith("Dropout on the code layer: mean ± standard deviation over 2 seeds")
    assert [line.split("  ")[0] for line in lines[2:6]] == ["no dropout", "dropout 0.5", "dropout 0.65", "dropout 0.8"]
    assert lines[-1] == f"report: {tmp_path / 'out' / 'report' / 'report.html'}"
    assert "budget tiny: " in first.err
    described = json.loads((tmp_path / "out" / "report" / "manifest.json").read_text())
    assert described["command"].startswith(f"refeed reproduce dropout --data {data}")
    again = done(*command)
    assert len(OneProcess.done) == 4 * 2
    assert again.out == first.out


@pytest.fixture
def reported(monkeypatch) -> list[dict]:
    """What reports would be made of; none is drawn."""
    told = []

    def write_report(results, folder, **more):
        told.append({"names": [one.experiment.name for one in results], **more})
        return folder

    monkeypatch.setattr(report, "write_report", write_report)
    return told


def test_split_seeds_and_workers_are_as_they_were_said(data, tmp_path, reported):
    done(
        *("reproduce", "dropout", "--data", data, "-o", tmp_path / "out", "--budget", "tiny", "--threads", 4, "--workers", 2),
        *("--seeds", 1, "--split-column", "fold"),
    )
    assert OneProcess.done == [f"dropout/{label}/0" for label in ("no dropout", "dropout 0.5", "dropout 0.65", "dropout 0.8")]
    (told,) = reported
    assert told["split"].splitter == ColumnSplit("fold")
    assert (told["circumstances"].workers, told["circumstances"].threads, told["scale"]) == (2, 4, SCALES["tiny"])


def test_all_is_every_experiment_and_the_benchmark(data, tmp_path, reported):
    out = done("reproduce", "all", "--data", data, "-o", tmp_path / "out", *TINY, "--seeds", 1).out
    places = [out.index(f"{one.title}: one seed") for one in EXPERIMENTS.values()]
    assert places == sorted(places)
    assert out.index("test ratings, 1 seed each") > places[-1]
    (told,) = reported
    assert told["names"] == list(EXPERIMENTS)
    assert list(told["benchmarks"]) == ["benchmark"]
    assert len(OneProcess.done) == len(set(OneProcess.done)) == 9 + 8 + (12 - 2) + 4 + (8 - 1) + 2 * 2 + 2


def test_benchmark_is_of_the_systems_that_are_named(data, tmp_path):
    command = ("reproduce", "benchmark", "--data", data, "-o", tmp_path / "out", *TINY)
    run = done(*command, "--seeds", 1, "--systems", "ease, bias")
    rows = [line.split("  ")[0] for line in run.out.splitlines()]
    assert "biases" in rows and "EASE" in rows and "ALS" not in rows
    assert "systems: no 'bayes'; did you mean 'bayesian'?" in refused(4, *command, "--systems", "bayes,bias")


def test_number_of_settings_is_as_it_is_said(data, tmp_path, reported):
    command = ("reproduce", "benchmark", "--data", data, "-o", tmp_path / "out", *TINY, "--seeds", 1, "--systems", "bias")
    done(*command, "--trials", 6)
    done(*command)
    six, two = (told["benchmarks"]["benchmark"].benchmark for told in reported)
    assert [len(one.results[0].trials) for one in (six, two)] == [6, SCALES["tiny"].trials]
    assert reported[0]["scale"] == replace(SCALES["tiny"], trials=6)
    before = len(OneProcess.done)
    done(*command, "--trials", 6)
    assert len(OneProcess.done) == before
    assert refeed(*command, "--trials", 0).status == 2


@pytest.mark.parametrize(("option", "value"), [("--systems", "bias"), ("--trials", 3)])
def test_options_of_the_benchmark_are_refused_for_other_experiments(data, tmp_path, option, value):
    error = refused(4, "reproduce", "dropout", "--data", data, "-o", tmp_path / "out", *TINY, option, value)
    assert f"{option}: 'dropout' compares no systems; give it with benchmark or all" in error
    assert not (tmp_path / "out").exists()


def test_missing_search_is_said_before_any_work(data, tmp_path, monkeypatch, reported):
    monkeypatch.setitem(sys.modules, "optuna", None)
    command = (
        "reproduce",
        "benchmark",
        "--data",
        data,
        "-o",
        tmp_path / "out",
        "--threads",
        1,
        "--seeds",
        1,
        "--systems",
        "bias",
    )
    error = refused(4, *command, "--budget", "paper")
    assert "pip install 'refeed[tune]'" in error.splitlines()[0] and len(error.splitlines()) == 2
    assert not (tmp_path / "out").exists()
    done(*command, "--budget", "small")
    assert len(reported[0]["benchmarks"]["benchmark"].benchmark.results[0].trials) == HAND_PICKED


def test_help_says_from_how_many_settings_on_a_search_is_needed():
    assert f"More than {HAND_PICKED} need the extra tune." in squeezed(done("reproduce", "--help").out.replace("│", " "))


def test_netflix_files_are_compared_on_the_papers_four_splits(tmp_path, reported):
    world = tmp_path / "world"
    done("synth", "--users", 300, "--items", 40, "--ratings", 9000, "-o", world, "--layout", "netflix")
    command = ("reproduce", "benchmark", "--data", world, "-o", tmp_path / "out", *TINY, "--seeds", 1)
    out = done(*command).out
    assert out.count("test ratings, 1 seed each") == 4
    assert "Test RMSE by split" in out
    done(*command, "--split", "netflix-1-year")
    four, one = reported
    assert [(name, scores.benchmark.split.splitter.name) for name, scores in four["benchmarks"].items()] == [
        (name, name) for name in NETFLIX_MONTHS
    ]
    assert four["split"].splitter == NetflixSplit("full")
    assert [scores.benchmark.split.splitter.name for scores in one["benchmarks"].values()] == ["1-year"]
    assert four["names"] == []


def test_source_that_is_nowhere_is_refused(tmp_path):
    error = refused(3, "reproduce", "dropout", "--data", "ml-none", "-o", tmp_path / "out")
    assert "ml-none: there is no such file or folder, and no data set of that name" in error
    assert "ml-100k" in error


def test_folder_with_something_else_is_refused_before_any_work(data, tmp_path):
    error = refused(7, "reproduce", "dropout", "--data", data, "-o", tmp_path)
    assert "holds something else than experiments (it has no folder runs)" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ratings.csv"]


def test_missing_extra_is_said_before_any_work(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    error = refused(4, "reproduce", "dropout", "--data", data, "-o", tmp_path / "out")
    assert "report" in error
    assert not (tmp_path / "out").exists()
