"""Curves of error over time, and other libraries on the same split."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.movielens import movielens_split
from harness.workbench import Workbench
from measures import peers, time_to_rmse
from measures.learning_curve import Curve, dense_curve, refeed_curve
from measures.peer_models import PEERS
from refeed.data.splits.random import RandomSplit
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.errors import DataError, TrainingError
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.presets import preset
from refeed.runtime import Runtime

SPLIT = RandomSplit(valid=0.1, test=0.1).apply(synthetic_ratings(300, 200, 15_000, seed=0))
SPEC = AutoEncoder(encoder=(16, 8), dropout=0.3)
OPTIONS = TrainingOptions(epochs=3, batch_size=32, optimizer="sgd", learning_rate=0.02, refeed_steps=1)
BENCH = Workbench(None, 1, {})


def constant_rmse(values) -> float:
    return math.sqrt(np.square(SPLIT.train.values.mean() - np.asarray(values, np.float64)).mean())


def test_first_moment_of_an_error():
    curve = Curve(seconds=[1.0, 2.0, 3.0], rmse=[1.2, 0.9, 1.0])
    assert (curve.best, curve.first_at(1.0), curve.first_at(0.9), curve.first_at(0.8)) == (0.9, 2.0, 2.0, None)


def test_both_sides_learn_on_a_clock_that_runs():
    ours, theirs = refeed_curve(SPEC, SPLIT, OPTIONS, Runtime()), dense_curve(SPEC, SPLIT, OPTIONS, 0)
    for curve in (ours, theirs):
        assert len(curve.rmse) == 3 and curve.best < 2.5
        assert 0 < curve.seconds[0] < curve.seconds[1] < curve.seconds[2]


def test_dense_run_ends_when_its_error_is_no_number():
    options = TrainingOptions(epochs=5, batch_size=32, optimizer="sgd", learning_rate=1e6)
    assert len(dense_curve(SPEC, SPLIT, options, 0).rmse) < 5


def test_error_that_is_never_reached_is_said():
    with pytest.raises(TrainingError, match=r"default: never reached a validation RMSE of 0\.8000, its best is 0\.9000"):
        time_to_rmse._reached(Curve([1.0], [0.9]), 0.8, "default")


def test_paper_settings_are_those_of_the_dense_side():
    theirs = preset(time_to_rmse.FULL.dense_preset).training
    assert (theirs.batch_size, theirs.learning_rate, theirs.momentum, theirs.refeed_steps) == (128, 0.005, 0.9, 1)


@pytest.mark.slow
def test_comparison_gives_the_share_of_the_dense_time():
    found = time_to_rmse.compare(SPLIT, BENCH, time_to_rmse.Extent(dense_epochs=2, seeds=1))
    share, ours, theirs, _ = (figure.measured.median for figure in found.figures)
    assert share == pytest.approx(ours / theirs)
    assert len(found.series["curves"]["dense reference"]["rmse"]) == 2


def test_movielens_is_split_on_its_column(datasets, monkeypatch):
    if not (datasets / "ml-1m").is_dir():
        pytest.skip("no ml-1m")
    monkeypatch.setenv("REFEED_DATA", str(datasets))
    parts = movielens_split()
    assert (len(parts.train), len(parts.valid), len(parts.test)) == (800_167, 51_496, 51_550)


def test_absent_movielens_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("REFEED_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match="ml-1m is not on this machine"):
        movielens_split()


def test_refeeds_fits_are_timed_and_scored_on_test():
    options = TrainingOptions(epochs=2, batch_size=32)
    runs = peers.refeed_runs(AutoEncoder(encoder=(8,), offsets="bias"), SPLIT, options, 1, 2)
    assert len(runs.seconds) == 2 and min(runs.seconds) > 0
    assert max(runs.errors) < constant_rmse(SPLIT.test.values)
    assert runs.medians == {"seconds": float(np.median(runs.seconds)), "rmse": float(np.median(runs.errors))}


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_peer_predicts_better_than_the_mean(name):
    pytest.importorskip(PEERS[name].module, reason=f"{PEERS[name].library} comes with the bench extra")
    penalty, runs = peers.peer_runs(name, PEERS[name].penalties[:2], SPLIT, 1, 1)
    assert penalty in PEERS[name].penalties and runs.errors[0] < constant_rmse(SPLIT.test.values)


@pytest.mark.slow
def test_peer_that_is_not_installed_only_misses_its_line(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda _: None)
    found = peers.compare(SPLIT, BENCH, peers.Extent(rounds=1, epochs=1))
    assert len(found.figures) == 4
    assert sum("is not installed here" in remark for remark in found.remarks) == len(PEERS)
