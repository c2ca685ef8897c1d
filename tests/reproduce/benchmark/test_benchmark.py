"""Tuning by validation alone, the best settings tested with every seed."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.made_up_runs import system_named
from helpers.one_process import OneProcess
from helpers.small_worlds import random_split
from refeed.errors import ConfigError, InterruptedTrainingError
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.progress import Advanced, silent
from refeed.reproduce.benchmark import benchmark
from refeed.reproduce.benchmark.benchmark import run_benchmark
from refeed.reproduce.benchmark.statistics import score_benchmark
from refeed.reproduce.benchmark.systems import HAND_PICKED, System, candidates
from refeed.reproduce.scales import SCALES
from refeed.runs import queue as run_queue

TINY = SCALES["tiny"]
SPLIT = random_split(users=40, items=20)
BIASES = System(
    "bias",
    "biases",
    "competitor",
    candidates(Bias(1e6, 1e6), *["item_regularisation=5 user_regularisation=5"] * (HAND_PICKED - 1)),
)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    OneProcess.done.clear()
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)


def bench(folder: Path, *systems: System, seeds=(3, 4), trials=TINY.trials, progress=silent):
    scale = replace(TINY, trials=trials)
    return run_benchmark(SPLIT, scale, seeds, folder, workers=1, threads=1, progress=progress, systems=systems)


def outcomes_of(benchmark):
    """Those of all trials and final runs."""
    return [outcome for result in benchmark.results for outcome in (*result.trials, *result.finals)]


def test_trials_take_the_first_seed_and_never_read_the_test_part(tmp_path):
    (result,) = bench(tmp_path, BIASES).results
    assert [trial.run.name for trial in result.trials] == ["benchmark/bias/trial 1", "benchmark/bias/trial 2"]
    assert {(trial.run.seed, trial.run.reads_test) for trial in result.trials} == {(3, False)}
    assert result.tuning_seconds == sum(trial.seconds for trial in result.trials)


def test_chosen_settings_are_fitted_with_every_seed_and_tested(tmp_path):
    found = bench(tmp_path, BIASES)
    (result,) = found.results
    assert result.chosen == 1  # in the first neither users nor items have a bias
    assert result.tried[1].change == "item_regularisation=5 user_regularisation=5"
    assert [(final.run.seed, final.run.reads_test, final.run.spec) for final in result.finals] == [
        (3, True, Bias(5, 5)),
        (4, True, Bias(5, 5)),
    ]
    assert (len(result.trials), len(result.finals)) == (2, 2)
    assert score_benchmark(found).scores[0].rmse < 1.0


def test_second_call_repeats_no_run(tmp_path):
    bench(tmp_path, BIASES)
    before = len(OneProcess.done)
    assert all(outcome.cached for outcome in outcomes_of(bench(tmp_path, BIASES)))
    assert len(OneProcess.done) == before > 0


def pressing_ctrl_c(name):
    """Ctrl-C when the run of that name begins."""

    def progress(event):
        if isinstance(event, Advanced) and f"  {name} epoch " in event.status:
            signal.raise_signal(signal.SIGINT)

    return progress


def test_trials_beyond_the_hand_picked_ones_are_proposed_and_the_best_of_all_is_tested(tmp_path):
    (result,) = bench(tmp_path, BIASES, seeds=(3,), trials=10).results
    assert [trial.run.name for trial in result.trials] == [f"benchmark/bias/trial {number}" for number in range(1, 11)]
    assert [(trial.run.spec, trial.run.seed, trial.run.reads_test) for trial in result.trials] == [
        (tried.spec, 3, False) for tried in result.tried
    ]
    assert result.finals[0].run.spec == result.tried[result.chosen].spec
    assert result.trials[result.chosen].valid_rmse == min(trial.valid_rmse for trial in result.trials)


@pytest.mark.parametrize("at", ["benchmark/bias/trial 1", "benchmark/bias/trial 5", "benchmark/bias/trial 8"])
def test_benchmark_cut_off_anywhere_goes_on_to_the_same_end_and_does_no_run_twice(tmp_path, at):
    whole = bench(tmp_path / "whole", BIASES, trials=10)
    runs = len(OneProcess.done)
    OneProcess.done.clear()
    with pytest.raises(InterruptedTrainingError, match="give the same command again"):
        bench(tmp_path / "cut", BIASES, trials=10, progress=pressing_ctrl_c(at))
    assert len(OneProcess.done) < runs - 1  # in one process a run is over, but not noted, before it is reported
    resumed = bench(tmp_path / "cut", BIASES, trials=10)
    assert resumed.results[0].tried == whole.results[0].tried
    assert [outcome.valid_rmse for outcome in outcomes_of(resumed)] == [outcome.valid_rmse for outcome in outcomes_of(whole)]
    assert len(OneProcess.done) == len(set(OneProcess.done)) == runs - 1
    assert all(outcome.cached for outcome in outcomes_of(bench(tmp_path / "cut", BIASES, trials=10)))


def test_missing_search_is_said_before_any_run(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"pip install 'refeed\[tune\]'"):
        bench(tmp_path / "out", BIASES, trials=HAND_PICKED + 1)
    assert not (tmp_path / "out").exists()
    assert len(bench(tmp_path / "out", BIASES, trials=HAND_PICKED).results[0].trials) == HAND_PICKED


def test_system_whose_trials_all_diverge_is_not_tested(tmp_path):
    diverging = TrainingOptions(epochs=2, optimizer="sgd", learning_rate=1e30)
    steps = [f"learning_rate={n}e30" for n in range(2, HAND_PICKED + 1)]
    net = System("wild", "wild network", "ours", candidates(AutoEncoder(encoder=(4,)), *steps, options=diverging))
    bias, wild = bench(tmp_path, BIASES, net, seeds=(0,)).results
    assert (wild.chosen, wild.finals, wild.tested) == (None, (), ())
    assert {trial.status for trial in wild.trials} == {"diverged"}
    assert len(bias.tested) == 1


def test_system_that_the_ratings_are_not_enough_for_is_left_out_and_named(tmp_path):
    found = bench(tmp_path, BIASES, system_named("timely", needs_times=True))
    assert found.left_out == {"TIMELY": "it needs the times of the ratings"}
    assert [result.system.name for result in found.results] == ["bias"]


def test_all_systems_are_compared_by_default(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "all_systems", lambda scale: (BIASES,) if scale is TINY else ())
    found = run_benchmark(SPLIT, TINY, [0], tmp_path, workers=1, threads=1)
    assert [result.system for result in found.results] == [BIASES]


@pytest.mark.parametrize(("systems", "seeds"), [((), (0,)), ((BIASES,), ())])
def test_nothing_to_do_is_refused(tmp_path, systems, seeds):
    with pytest.raises(ConfigError, match="expected a seed and a system at least"):
        bench(tmp_path, *systems, seeds=seeds)
