"""The section of the benchmark: its text, facts and figures."""

from __future__ import annotations

import re
from dataclasses import replace

from helpers.made_up_runs import benchmark_result
from helpers.small_worlds import random_split
from refeed.reports.page import Table
from refeed.reproduce.benchmark.page import benchmark_section
from refeed.reproduce.benchmark.statistics import score_benchmark

SPLIT = random_split(users=50, items=20)


def test_benchmark_section_tells_what_was_proposed_and_who_had_less(searched):
    text = benchmark_section(searched).section.text
    assert "with 6 settings of its own on the validation set" in text and "The first 4 were hand-picked" in text
    assert "proposed by TPE" in text
    assert re.search(r"Fewer, [^:]*: BIAS \(5\)\.", text)


def test_benchmark_section_tells_the_budget_and_the_cold_ratings(scores):
    part = benchmark_section(scores)
    assert "with 2 settings of its own on the validation set" in part.section.text
    facts = dict(part.section.blocks[0].pairs)
    assert facts["cold test ratings, not scored"] == 17 and facts["cold users, items"] == "2, 1"
    assert "TPE" not in part.section.text and "Fewer" not in part.section.text
    assert [block.kind for block in part.section.blocks].count("table") == 7
    left_out = score_benchmark(replace(scores.benchmark, left_out={"RRN": "it needs the times of the ratings"}))
    assert "Left out: RRN, it needs the times of the ratings." in benchmark_section(left_out).section.text


def test_one_system_alone_has_no_differences(tmp_path):
    part = benchmark_section(score_benchmark(benchmark_result(SPLIT, tmp_path, {"bias": 0.9}, seeds=1)))
    assert [chart.name for chart in part.illustrations] == ["benchmark-rmse", "benchmark-by-user", "benchmark-by-item"]
    assert [block for block in part.section.blocks if isinstance(block, Table) and "Holm" in block.caption] == []
