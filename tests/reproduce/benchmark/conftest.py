"""Scores of made-up predictions, which the tests of tables and pages share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.made_up_runs import TINY, benchmark_result, outcome_of
from helpers.small_worlds import random_split
from refeed.data.splits.base import ColdCounts
from refeed.models import Bias
from refeed.reproduce.benchmark.statistics import score_benchmark
from refeed.reproduce.benchmark.systems import candidates
from refeed.runs.run import Run

SPLIT = replace(random_split(users=50, items=20), cold={"test": ColdCounts(2, 1, 17)})
ERRORS = {"bias": 0.9, "rrn": 0.5, "deep": None}


@pytest.fixture(scope="session")
def scores(tmp_path_factory):
    return score_benchmark(benchmark_result(SPLIT, tmp_path_factory.mktemp("runs"), ERRORS))


@pytest.fixture(scope="session")
def searched(tmp_path_factory):
    """Scores after a budget of six settings, of which one system had five."""
    scale = replace(TINY, trials=6)
    whole = benchmark_result(SPLIT, tmp_path_factory.mktemp("searched"), {"bias": 0.9, "rrn": 0.5}, seeds=1, scale=scale)
    bias, rrn = whole.results
    further = candidates(Bias(), "item_regularisation=2.5", "item_regularisation=3.5 user_regularisation=4")[1:]
    outcomes = [outcome_of(Run("x", candidate.spec, candidate.options, 0), valid=(1.2, 1.0)) for candidate in further]
    results = [
        replace(result, tried=(*result.tried, *further[:count]), trials=(*result.trials, *outcomes[:count]))
        for result, count in ((bias, 1), (rrn, 2))
    ]
    return score_benchmark(replace(whole, results=tuple(results)))
