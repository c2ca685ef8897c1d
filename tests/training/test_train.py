"""`train` from end to end on small splits."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import InterruptAfter, Recorder, predictions_of, random_split, timeless
from refeed.data.splits.registry import split_from_dict
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError, TrainingError
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training import train as train_module
from refeed.training.events import EpochFinished
from refeed.training.train import train, validation_rmse

SPEC = AutoEncoder(encoder=(8, 4), dropout=0.3, offsets="bias")
OPTIONS = TrainingOptions(epochs=6, batch_size=7, learning_rate=0.01)
RUNTIME = Runtime(threads=1, seed=3)
SPLIT = random_split()


def run(options=OPTIONS, *, spec=SPEC, **more):
    return train(spec, SPLIT, options, runtime=RUNTIME, **more)


@pytest.mark.parametrize("stop_after", [2, 8, 13])
@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (SPEC, replace(OPTIONS, patience=2)),
        (SPEC, replace(OPTIONS, optimizer="sgd", learning_rate=0.02, schedule="cosine", refeed_steps=1)),
        (replace(SPEC, side="item", input_dropout=0.1), replace(OPTIONS, optimizer="rmsprop", batch_size=4)),
    ],
    ids=["adam with patience", "sgd with cosine and re-feeding", "rmsprop on the item side"],
)
def test_interrupted_and_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path, spec, options, stop_after):
    whole = run(options, spec=spec)
    with pytest.raises(InterruptedTrainingError):
        run(options, spec=spec, progress=InterruptAfter(stop_after), checkpoint_folder=tmp_path / "run")
    resumed = run(options, spec=spec, checkpoint_folder=tmp_path / "run", resume=True)
    assert timeless(resumed.provenance.log) == timeless(whole.provenance.log)
    assert resumed.provenance.best_epoch == whole.provenance.best_epoch
    states = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_run_interrupted_twice_equals_the_uninterrupted_one(tmp_path):
    for steps in (3, 6):
        with pytest.raises(InterruptedTrainingError):
            run(progress=InterruptAfter(steps), checkpoint_folder=tmp_path / "run", resume=steps == 6)
    resumed = run(checkpoint_folder=tmp_path / "run", resume=True)
    assert np.array_equal(predictions_of(resumed), predictions_of(run()))


def test_fitted_model_is_its_best_epoch_on_validation():
    recorder = Recorder()
    fitted = run(replace(OPTIONS, epochs=6, learning_rate=0.1), progress=recorder)
    errors = [event.record.valid_rmse for event in recorder.of(EpochFinished)]
    best = int(np.argmin(errors))
    assert fitted.provenance.best_epoch == best + 1 < len(errors)
    assert validation_rmse(fitted.model, SPLIT)() == pytest.approx(errors[best], abs=1e-12)


def test_early_stopping_ends_a_run_that_gets_worse():
    fitted = run(replace(OPTIONS, epochs=200, learning_rate=0.05, patience=3))
    assert len(fitted.provenance.log) == fitted.provenance.best_epoch + 3 < 200


def test_validation_error_is_of_clipped_predictions_by_hand():
    class Constant(torch.nn.Module):
        def scorer(self):
            return self

        def predict_pairs(self, history, rows, items, times=None):
            return np.full(len(rows), 99.0, np.float32)

    expected = np.sqrt(np.square(5.0 - SPLIT.valid.values.astype(float)).mean())
    assert validation_rmse(Constant(), SPLIT)() == pytest.approx(expected)


def test_divergence_names_the_cause_keeps_the_last_good_epoch_and_goes_on_with_a_lower_rate(tmp_path):
    folder, short = tmp_path / "run", replace(OPTIONS, epochs=2, optimizer="sgd")
    run(short, checkpoint_folder=folder)
    wild = replace(short, epochs=6, learning_rate=1e25)
    with pytest.raises(TrainingError) as caught:
        run(wild, checkpoint_folder=folder, resume=True)
    message = str(caught.value)
    assert "not a finite number" in message and "lower learning_rate (now 1e+25)" in message
    assert f"is kept in {folder}; resume from it with changed options" in message
    calm = run(replace(wild, learning_rate=0.01), checkpoint_folder=folder, resume=True)
    assert len(calm.provenance.log) == 6 and np.isfinite(predictions_of(calm)).all()
    assert calm.provenance.log[-1]["train_rmse"] <= calm.provenance.log[0]["train_rmse"]


def test_run_that_diverges_in_its_only_step_gives_no_model():
    options = TrainingOptions(epochs=1, batch_size=1000, optimizer="sgd", learning_rate=1e38)
    with pytest.raises(
        TrainingError, match="epoch 1: the model or its predictions are not finite numbers after the last batch"
    ):
        run(options, spec=AutoEncoder(encoder=(4,)))


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ({"spec": replace(SPEC, dropout=0.4)}, "model"),
        ({"options": replace(OPTIONS, batch_size=8)}, "batch_size"),
        ({"runtime": Runtime(threads=1, seed=4)}, "seed"),
        ({"split": random_split(seed=9)}, "split"),
    ],
)
def test_checkpoint_of_another_run_is_refused(tmp_path, change, differing):
    run(replace(OPTIONS, epochs=1), checkpoint_folder=tmp_path / "run")
    arguments = {"spec": SPEC, "split": SPLIT, "options": OPTIONS, "runtime": RUNTIME, **change}
    with pytest.raises(BundleError, match=rf"of another run \(different: {differing}\)"):
        train(**arguments, checkpoint_folder=tmp_path / "run", resume=True)


@pytest.mark.parametrize(("before", "after"), [("sgd", "adam"), ("adam", "adagrad"), ("adam", "rmsprop")])
def test_run_may_be_taken_up_with_another_optimizer(tmp_path, before, after):
    run(replace(OPTIONS, epochs=1, optimizer=before), checkpoint_folder=tmp_path / "run")
    fitted = run(replace(OPTIONS, epochs=3, optimizer=after), checkpoint_folder=tmp_path / "run", resume=True)
    assert len(fitted.provenance.log) == 3


def test_resuming_needs_a_folder():
    with pytest.raises(ConfigError, match="resume: needs the checkpoint folder"):
        run(resume=True)


def test_fitted_model_knows_where_it_comes_from():
    fitted = run(replace(OPTIONS, epochs=2))
    provenance = fitted.provenance
    assert (provenance.data_fingerprint, provenance.split_fingerprint) == (SPLIT.source_fingerprint, SPLIT.fingerprint)
    assert split_from_dict(provenance.split) == SPLIT.splitter
    assert (provenance.seed, provenance.options["learning_rate"], len(provenance.log)) == (3, 0.01, 2)
    assert (fitted.users, fitted.items, fitted.scale) == (SPLIT.train.users, SPLIT.train.items, SPLIT.train.scale)
    assert fitted.histories.fingerprint == SPLIT.train.fingerprint


def test_histories_can_be_left_out():
    assert run(replace(OPTIONS, epochs=1), keep_histories=False).histories is None


def test_progress_true_writes_to_standard_error_alone(capsys):
    run(replace(OPTIONS, epochs=1), progress=True)
    shown = capsys.readouterr()
    assert shown.out == "" and "epoch 1/1  train " in shown.err


def test_defaults_are_this_machine_and_the_default_options(monkeypatch):
    monkeypatch.setattr(train_module, "TrainingOptions", lambda: replace(OPTIONS, epochs=1))
    monkeypatch.setattr(train_module.Runtime, "detect", classmethod(lambda cls: RUNTIME))
    assert train(SPEC, SPLIT).provenance.options["epochs"] == 1


def test_item_side_and_offsets_are_part_of_the_checkpoint(tmp_path):
    spec = replace(SPEC, side="item")
    first = run(replace(OPTIONS, epochs=2), spec=spec, checkpoint_folder=tmp_path / "run")
    buffer = io.BytesIO()
    torch.save(first.model.state_dict(), buffer)
    again = run(replace(OPTIONS, epochs=2), spec=spec, checkpoint_folder=tmp_path / "run", resume=True)
    buffer.seek(0)
    before = torch.load(buffer, weights_only=True)
    assert all(torch.equal(again.model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("spec", [Bias(), Ensemble(members=("bias", "als"))])
def test_compiled_loops_are_refused_for_what_has_no_layers_of_its_own(spec):
    with pytest.raises(ConfigError, match=f"loops=compiled: for a single network .* not for the model '{spec.kind}'"):
        train(spec, random_split(), runtime=Runtime(loops="compiled"))
