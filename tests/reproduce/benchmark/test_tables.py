"""The tables of the benchmark."""

from __future__ import annotations

from dataclasses import replace

from helpers.made_up_runs import benchmark_result
from helpers.small_worlds import random_split
from refeed.reproduce.benchmark.statistics import score_benchmark
from refeed.reproduce.benchmark.tables import benchmark_table, cost_table, difference_table, trial_table, tuning_table

SPLIT = random_split(users=50, items=20)


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


def test_every_trial_has_a_row_with_its_settings(scores, searched):
    table = trial_table(searched)
    assert [row[:2] for row in table.rows] == [["BIAS", n] for n in range(1, 6)] + [["RRN", n] for n in range(1, 7)]
    assert [row[2:] for row in table.rows[-3:]] == [
        ["user_regularisation=12", "1.1000"],
        ["item_regularisation=2.5", "1.0000"],
        ["item_regularisation=3.5 user_regularisation=4", "1.0000"],
    ]
    assert table.rows[0][2] == "its first settings"
    assert "from trial 5 on" in table.caption and "TPE" in table.caption
    assert "TPE" not in trial_table(scores).caption and len(trial_table(scores).rows) == 3 * 2


def test_seeds_of_a_system_that_diverged_are_told_in_the_table(tmp_path):
    whole = benchmark_result(SPLIT, tmp_path, {"bias": 0.9}, seeds=3)
    (system,) = whole.results
    finals = (*system.finals[:2], replace(system.finals[2], status="diverged"))
    lost = score_benchmark(replace(whole, results=(replace(system, finals=finals),)))
    assert benchmark_table(lost).rows[0][0] == "BIAS (2 of 3 seeds, others diverged)"
