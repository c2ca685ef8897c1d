"""Measures of runs and of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from refeed.models import Bias
from refeed.optim.options import TrainingOptions
from refeed.reproduce.ablations.grid import Setting, SettingResult, measured, setting
from refeed.runs.run import Outcome, Run

RUN = Run("one", Bias(), TrainingOptions(), 0)


def outcome(*epochs, status="finished") -> Outcome:
    """From (train RMSE, validation RMSE) of each epoch."""
    log = tuple({"epoch": number, "train_rmse": a, "valid_rmse": b} for number, (a, b) in enumerate(epochs, 1))
    best = min((record["valid_rmse"] for record in log if record["valid_rmse"] is not None), default=None)
    return Outcome(RUN, status, "", log, 1, best, 0, 1.0, 0, 1, Path())


@pytest.mark.parametrize(("measure", "expected"), [("final_train", 0.7), ("final_valid", 1.1), ("best_valid", 0.9)])
def test_measures_of_a_run(measure, expected):
    assert measured(outcome((0.8, 0.9), (0.7, 1.1)), measure) == expected


@pytest.mark.parametrize("measure", ["final_train", "final_valid", "best_valid"])
def test_run_that_diverged_has_no_measure(measure):
    assert measured(outcome((0.8, 0.9), status="diverged"), measure) is None
    assert measured(outcome(), measure) is None


def test_run_without_validation_has_its_training_error_only():
    without = outcome((0.8, None))
    assert [measured(without, measure) for measure in ("final_train", "final_valid", "best_valid")] == [0.8, None, None]


def test_values_of_a_setting_are_those_of_the_runs_that_did_not_diverge():
    outcomes = (outcome((0.8, 0.9)), outcome((0.5, 0.5), status="diverged"), outcome((0.6, 1.0)))
    assert SettingResult(Setting("x", (RUN,) * 3), outcomes).values("final_train") == (0.8, 0.6)


def test_setting_is_a_control_when_it_names_what_it_is_compared_with():
    base = setting("e", "base", Bias(), TrainingOptions(), (4, 5))
    assert [(run.name, run.seed) for run in base.runs] == [("e/base/4", 4), ("e/base/5", 5)]
    assert not base.is_control
    assert setting("e", "other", Bias(), TrainingOptions(), (4,), control_of="base").is_control
