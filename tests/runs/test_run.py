"""What tells runs apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from refeed.models import ALS, AutoEncoder, Bias, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.runs import run as run_module
from refeed.runs.run import Outcome, Run, num_parameters

RUN = Run("one", AutoEncoder(encoder=(8,)), TrainingOptions(epochs=4), seed=0)


@pytest.mark.parametrize(
    "change",
    [
        {"spec": AutoEncoder(encoder=(9,))},
        {"options": TrainingOptions(epochs=5)},
        {"seed": 1},
        {"reads_test": True},
        {"spec": Bias()},
    ],
)
def test_fingerprint_is_of_everything_that_the_result_depends_on(change):
    assert replace(RUN, **change).fingerprint("split") != RUN.fingerprint("split")


def test_fingerprint_is_of_the_ratings_and_the_version_but_not_of_the_name(monkeypatch):
    before = RUN.fingerprint("split")
    assert len(before) == 32
    assert RUN.fingerprint("another split") != before
    assert replace(RUN, name="two").fingerprint("split") == before
    monkeypatch.setattr(run_module, "__version__", "99")
    assert RUN.fingerprint("split") != before


def test_training_options_tell_runs_apart_only_where_the_model_takes_them():
    biases = Run("biases", Bias(), TrainingOptions(), seed=0)
    assert replace(biases, options=TrainingOptions(epochs=9)).fingerprint("s") == biases.fingerprint("s")


def test_epochs_are_those_of_whoever_has_them():
    assert (RUN.epochs, replace(RUN, spec=ALS(epochs=7)).epochs, replace(RUN, spec=Bias()).epochs) == (4, 7, 1)


def test_outcome_comes_back_from_plain_values(tmp_path):
    log = ({"epoch": 1, "valid_rmse": 0.9},)
    outcome = Outcome(RUN, "finished", "", log, 1, 0.9, 57, 1.5, 1 << 20, 2, tmp_path)
    assert Outcome.from_dict(RUN, outcome.to_dict(), tmp_path, cached=True) == replace(outcome, cached=True)


def test_number_of_weights_by_hand():
    assert num_parameters(AutoEncoder(encoder=(8, 4)), 10, 20) == 20 * 8 + 8 + 8 * 4 + 4 + 4 * 8 + 8 + 8 * 20 + 20
    assert num_parameters(AutoEncoder(encoder=(8, 4), tied=True), 10, 20) == 20 * 8 + 8 + 8 * 4 + 4 + 8 + 20


def test_epochs_of_an_ensemble_are_its_members_in_all_variants():
    run = Run("both", Ensemble(members=("bias sweeps=1|2", "als")), TrainingOptions(), seed=0)
    assert run.epochs == 3


def test_runs_of_other_code_are_other_runs(monkeypatch):
    before = RUN.fingerprint("split")
    assert RUN.fingerprint("split") == before
    monkeypatch.setattr(run_module, "_sources_digest", lambda: "other sources")
    assert RUN.fingerprint("split") != before
