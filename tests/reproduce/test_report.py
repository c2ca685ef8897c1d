"""The report: the page, the figures, the tables of runs and the manifest, all or nothing."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

import refeed
from helpers.made_up_runs import TINY, benchmark_result, experiment_result, outcome_of
from helpers.small_worlds import random_split
from refeed.data.splits.base import ColdCounts
from refeed.data.splits.time import NetflixSplit
from refeed.errors import StorageError
from refeed.models import Bias
from refeed.reports.page import Findings, Table
from refeed.reproduce.ablations import activations, dropout, refeeding, width
from refeed.reproduce.ablations.page import ablation_part, experiment_table
from refeed.reproduce.benchmark.netflix import netflix_table
from refeed.reproduce.benchmark.page import (
    benchmark_part,
    benchmark_table,
    cost_table,
    difference_table,
    trial_table,
    tuning_table,
)
from refeed.reproduce.benchmark.statistics import score_benchmark
from refeed.reproduce.benchmark.systems import candidates
from refeed.reproduce.report import write_report
from refeed.reproduce.scales import SCALES
from refeed.runs.manifest import Circumstances, machine, machine_text
from refeed.runs.run import Run

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
    results = [experiment_result(one.EXPERIMENT) for one in (activations, width)]
    page = write_report(results, folder, split=SPLIT, scale=TINY, circumstances=CIRCUMSTANCES, benchmarks={"benchmark": scores})
    assert page == folder / "report" / "report.html"
    return page.parent


def test_page_holds_every_experiment_with_the_papers_words_and_findings(report):
    html = (report / "report.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "At a glance", "Effect of the activation", "Over-fitting of wide shallow nets", "Benchmark", "How it was made",
    ]  # fmt: skip
    assert activations.EXPERIMENT.question in html
    assert 'class="open"' in html  # all lines of these experiments have the same numbers
    assert "refeed reproduce all --data small.csv" in html
    assert "Begun on 2026-01-02 at 03:04 UTC; this call took 1.5 minutes on " in html


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
    assert {"width-valid", "benchmark-rmse", "benchmark-differences", "benchmark-by-user", "benchmark-by-item"} <= names
    assert all((report / "figures" / name).stat().st_size > 1000 for name in files)


def test_every_run_has_a_row_and_every_epoch_another(report):
    with (report / "runs.csv").open() as file:
        runs = list(csv.DictReader(file))
    with (report / "epochs.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert len(runs) == 9 * 2 + 8 * 2 + 3 * 2 + 2 * 2  # lines and seeds; trials of three systems; finals of two
    assert {row["experiment"] for row in runs} == {"activations", "width", "benchmark"}
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


def test_machine_is_told_in_words():
    assert re.search(r", \d+ cores?(, \d+ GiB of memory)?$", machine_text())


def test_table_has_our_numbers_beside_the_papers():
    numbers = {"SELU": {"final_train": 0.9}, "ReLU": {"final_train": 1.9}}
    result = experiment_result(activations.EXPERIMENT, numbers, diverged=["tanh"])
    table = experiment_table(result)
    assert table.columns[:4] == [
        "setting", "training RMSE, last epoch", "the paper (Netflix)", "validation RMSE, best epoch",
    ]  # fmt: skip
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["SELU"][:2] == ["0.9001 ± 0.0001", "~0.91"]
    assert rows["tanh"][0] == "diverged" and rows["tanh"][3] is None
    assert rows["ReLU, linear last layer †"][1] is None
    one = experiment_table(experiment_result(activations.EXPERIMENT, seeds=1))
    assert "one seed" in one.caption and one.rows[0][1] == "0.9000"


def test_some_seeds_that_diverged_are_counted_in_the_table():
    result = experiment_result(dropout.EXPERIMENT, seeds=3)
    first, *others = result.lines
    lost = replace(first, outcomes=(*first.outcomes[:2], replace(first.outcomes[2], status="diverged")))
    table = experiment_table(replace(result, lines=(lost, *others)))
    assert table.rows[0][1].endswith("(1 diverged)")


def test_figures_leave_out_what_diverged():
    labels = [line.label for line in refeeding.EXPERIMENT.grid(TINY, [0])]
    some = ablation_part(experiment_result(refeeding.EXPERIMENT, diverged=labels[:1]))
    curve = next(one for one in some.illustrations if one.name == "refeeding-valid")
    assert len(curve.drawing.figure.axes[0].lines) == 3 and labels[0] not in curve.alt
    none = ablation_part(experiment_result(refeeding.EXPERIMENT, diverged=labels))
    assert [one.name for one in none.illustrations] == ["refeeding-paper-best-valid"]


def test_controls_are_drawn_in_the_colour_of_what_they_are_compared_with():
    part = ablation_part(experiment_result(activations.EXPERIMENT))
    controls = next(one for one in part.illustrations if one.name == "activations-train-controls")
    relu, relu6, linear, linear6 = controls.drawing.figure.axes[0].lines
    assert (relu.get_color(), relu6.get_color()) == (linear.get_color(), linear6.get_color())
    assert relu.get_linestyle() != linear.get_linestyle()


def test_benchmark_tables_hold_the_scores(scores):
    rrn, bias = scores.scores
    table = benchmark_table(scores)
    assert [(row[0], row[2], row[5]) for row in table.rows] == [("RRN", rrn.rmse, rrn.mae), ("BIAS", bias.rmse, bias.mae)]
    assert table.rows[0][3] == f"{rrn.rmse_interval.low:.4f}–{rrn.rmse_interval.high:.4f}"
    assert cost_table(scores).rows[0] == ["RRN", "1.0", 2, "2", 1000, "300", 1]
    assert difference_table(scores).rows[0][1] == f"{bias.rmse - rrn.rmse:+.4f}"
    assert [row[1:] for row in tuning_table(scores).rows] == [
        ["its first settings", "1.1000, 1.1000"], ["its first settings", "1.1000, 1.1000"], ["none", "diverged, diverged"],
    ]  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Scores after a budget of six settings, of which one system had five."""
    scale = replace(TINY, trials=6)
    whole = benchmark_result(SPLIT, tmp_path_factory.mktemp("searched"), {"bias": 0.9, "rrn": 0.5}, seeds=1, scale=scale)
    bias, rrn = whole.results
    further = candidates(Bias(), "item_regularisation=2.5", "item_regularisation=3.5 user_regularisation=4")[1:]
    outcomes = [outcome_of(Run("x", one.spec, one.options, 0), valid=(1.2, 1.0)) for one in further]
    more = [
        replace(one, tried=(*one.tried, *further[:some]), trials=(*one.trials, *outcomes[:some]))
        for one, some in ((bias, 1), (rrn, 2))
    ]
    return score_benchmark(replace(whole, results=tuple(more)))


def test_every_trial_has_a_row_with_its_settings(scores, searched):
    table = trial_table(searched)
    assert [row[:2] for row in table.rows] == [["BIAS", n] for n in range(1, 6)] + [["RRN", n] for n in range(1, 7)]
    assert [row[2:] for row in table.rows[-3:]] == [
        ["user_regularisation=12", "1.1000"],
        ["item_regularisation=2.5", "1.0000"],
        ["item_regularisation=3.5 user_regularisation=4", "1.0000"],
    ]
    assert table.rows[0][2] == "its first settings"
    assert table.caption.endswith("; from trial 5 on they were proposed by TPE")
    assert "TPE" not in trial_table(scores).caption and len(trial_table(scores).rows) == 3 * 2


def test_benchmark_section_tells_what_was_proposed_and_who_had_less(searched):
    text = benchmark_part(searched).section.text
    assert (
        "Every system was tried with 6 settings of its own on the validation part, with one seed. The first 4 were guessed"
        in text
    )
    assert "the others were proposed by TPE, the search of refeed tune" in text
    assert "Fewer, since the search proposed nothing else that they take: BIAS (5)." in text


def test_seeds_of_a_system_that_diverged_are_told_in_the_table(tmp_path):
    whole = benchmark_result(SPLIT, tmp_path, {"bias": 0.9}, seeds=3)
    (system,) = whole.results
    finals = (*system.finals[:2], replace(system.finals[2], status="diverged"))
    lost = score_benchmark(replace(whole, results=(replace(system, finals=finals),)))
    assert benchmark_table(lost).rows[0][0] == "BIAS (2 of 3 seeds, others diverged)"


def test_benchmark_section_tells_the_budget_and_the_cold_ratings(scores):
    part = benchmark_part(scores)
    assert "Every system was tried with 2 settings of its own on the validation part" in part.section.text
    facts = dict(part.section.blocks[0].pairs)
    assert facts["cold test ratings, not scored"] == 17 and facts["cold users, items"] == "2, 1"
    assert "TPE" not in part.section.text and "Fewer" not in part.section.text
    assert [block.kind for block in part.section.blocks].count("table") == 7
    left_out = score_benchmark(replace(scores.benchmark, left_out={"RRN": "it needs the times of the ratings"}))
    assert "Left out: RRN, it needs the times of the ratings." in benchmark_part(left_out).section.text


def test_one_system_alone_has_no_differences(tmp_path):
    part = benchmark_part(score_benchmark(benchmark_result(SPLIT, tmp_path, {"bias": 0.9}, seeds=1)))
    assert [one.name for one in part.illustrations] == ["benchmark-rmse", "benchmark-by-user", "benchmark-by-item"]
    assert [block for block in part.section.blocks if isinstance(block, Table) and "Holm" in block.caption] == []


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
    page = write_report(
        [], tmp_path / "out", split=SPLIT, scale=SCALES["tiny"], circumstances=CIRCUMSTANCES, benchmarks=benchmarks
    )
    titles = re.findall(r"<h2>(.*?)</h2>", page.read_text())
    assert titles == [
        "At a glance",
        "Netflix, all splits",
        "Benchmark: Netflix, whole set",
        "Benchmark: Netflix, 3 months",
        "How it was made",
    ]
    assert (page.parent / "figures" / "benchmark-3-months-rmse.svg").is_file()


def test_findings_of_all_experiments_come_first(scores, tmp_path):
    result = experiment_result(dropout.EXPERIMENT)
    page = write_report(
        [result], tmp_path, split=SPLIT, scale=TINY, circumstances=CIRCUMSTANCES, benchmarks={"benchmark": scores}
    )
    glance = page.read_text().partition("At a glance</h2>")[2].partition("<h2>")[0]
    assert "Dropout on the code layer: Without dropout" in glance and "The lowest RMSE is that of RRN" in glance
    assert Findings([("note", "x")]).kind == "findings"
