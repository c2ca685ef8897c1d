"""The scores of the benchmark's systems, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.made_up_runs import benchmark_result, outcome_of, system_named
from helpers.small_worlds import random_split, ratings_of, split_of
from refeed.errors import DataError
from refeed.metrics.intervals import holm
from refeed.models import Bias
from refeed.optim.options import TrainingOptions
from refeed.reproduce.benchmark.benchmark import BenchmarkResult, SystemResult
from refeed.reproduce.benchmark.statistics import score_benchmark, slices
from refeed.reproduce.scales import SCALES
from refeed.runs.run import TEST_PREDICTIONS, Run

TINY = SCALES["tiny"]


def of_predictions(split, folder: Path, *predictions, name="a") -> SystemResult:
    """A system with one run per seed with these predictions."""
    system = system_named(name)
    finals = []
    for seed, values in enumerate(predictions):
        outcome = outcome_of(Run(f"{name}/{seed}", Bias(), TrainingOptions(), seed, reads_test=True), folder / name)
        outcome.folder.mkdir(parents=True)
        np.save(outcome.folder / TEST_PREDICTIONS, np.array(values, np.float32))
        finals.append(outcome)
    tried = system.candidates[: TINY.trials]
    trials = tuple(outcome_of(Run(f"{name}/t", candidate.spec, candidate.options, 0)) for candidate in tried)
    return SystemResult(system, tried, trials, 0, tuple(finals))


def test_errors_are_means_over_ratings_and_seeds_clipped_and_not(tmp_path):
    train = ratings_of((1, 1, 3), (1, 2, 4), (2, 1, 5))
    test = ratings_of((1, 1, 5), (1, 2, 3), vocabularies=(train.users, train.items))
    split = split_of(train, test=test)
    result = of_predictions(split, tmp_path, [6, 3], [5, 4])  # errors 1 and 0, or 0 when clipped; then 0 and 1
    scores = score_benchmark(BenchmarkResult(split, TINY, (0, 1), (result,), {}))
    (score,) = scores.scores
    assert score.rmse == pytest.approx(np.sqrt((0 + 0 + 0 + 1) / 4))
    assert score.mae == pytest.approx(1 / 4)
    assert score.rmse_unclipped == pytest.approx(np.sqrt((1 + 0 + 0 + 1) / 4))
    assert score.rmse_of_seeds == pytest.approx((0, np.sqrt(0.5)))
    assert score.deviation == pytest.approx(np.sqrt(0.5) / np.sqrt(2))
    assert score.squared_by_user.tolist() == [0.5, 0]
    assert score.seconds == 1.0 and score.parameters == 1000 and score.peak_memory == 300 << 20
    assert scores.differences_to_best == ()


def test_one_seed_has_no_spread(tmp_path):
    split = random_split()
    scores = score_benchmark(benchmark_result(split, tmp_path, {"a": 0.5}, seeds=1))
    assert scores.scores[0].deviation is None


def test_systems_are_sorted_and_compared_with_the_best_in_pairs(tmp_path):
    split = random_split(users=60, items=30)
    benchmark = benchmark_result(split, tmp_path, {"bad": 1.0, "good": 0.3, "middle": 0.6, "lost": None})
    scores = score_benchmark(benchmark)
    assert [score.result.system.name for score in scores.scores] == ["good", "middle", "bad"]
    assert scores.failed == ("LOST",)
    good, middle, bad = scores.scores
    assert [other.name for other in scores.differences_to_best] == ["middle", "bad"]
    assert scores.differences_to_best[0].paired.difference == pytest.approx(middle.rmse - good.rmse)
    assert scores.differences_to_best[1].paired.low > 0
    raw = [other.paired.p_value for other in scores.differences_to_best]
    assert [other.adjusted for other in scores.differences_to_best] == pytest.approx(holm(raw).tolist())
    assert scores.differences_to_best[1].adjusted < 0.05
    between = scores.difference("middle", "bad")
    assert between is not None and between.difference == pytest.approx(middle.rmse - bad.rmse) and between.high < 0
    assert scores.difference("middle", "lost") is None
    assert bad.rmse_interval.low < bad.rmse < bad.rmse_interval.high


def test_slices_add_up_to_the_whole(tmp_path):
    split = random_split(users=60, items=30)
    scores = score_benchmark(benchmark_result(split, tmp_path, {"a": 0.5}))
    (score,) = scores.scores
    for cut, errors in ((scores.activity, score.rmse_by_activity), (scores.popularity, score.rmse_by_popularity)):
        assert sum(cut.ratings) == len(split.test)
        assert np.sqrt(np.average(np.square(errors), weights=cut.ratings)) == pytest.approx(score.rmse)
    item_counts = split.train.item_counts[split.test.indices]
    low, high = scores.popularity.spans[0]
    assert ((item_counts >= low) & (item_counts <= high)).sum() == scores.popularity.ratings[0]


def test_slices_are_about_equal_and_keep_equal_numbers_together():
    cut = slices(np.array([7, 1, 1, 2, 2, 3, 3, 5, 5, 9]), parts=5)
    assert cut.group_of_rating.tolist() == [4, 0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert cut.spans == ((1, 1), (2, 2), (3, 3), (5, 5), (7, 9)) and cut.ratings == (2, 2, 2, 2, 2)
    assert slices(np.array([4, 4, 4])).spans == ((4, 4),)


def test_nothing_to_compare_is_an_error(tmp_path):
    benchmark = benchmark_result(random_split(), tmp_path, {"lost": None})
    with pytest.raises(DataError, match="every run of every system diverged"):
        score_benchmark(benchmark)


def test_a_seed_that_diverged_is_left_out(tmp_path):
    benchmark = benchmark_result(random_split(), tmp_path, {"a": 0.5})
    (result,) = benchmark.results
    finals = (result.finals[0], replace(result.finals[1], status="diverged"))
    scores = score_benchmark(replace(benchmark, results=(replace(result, finals=finals),)))
    assert len(scores.scores[0].rmse_of_seeds) == 1
