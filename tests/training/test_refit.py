"""Refitting to training and validation set together, once the settings are chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import InterruptAfter, predictions_of, random_ratings, random_split, with_times
from refeed.data.splits.random import RandomSplit
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError
from refeed.evaluation.evaluate import evaluate
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import ALS, AutoEncoder, Ensemble
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.loop import TrainingLoop
from refeed.training.train import train

RUNTIME = Runtime(threads=1, seed=5)
NET = AutoEncoder(encoder=(4,), offsets="bias")
OPTIONS = TrainingOptions(epochs=12, batch_size=8, learning_rate=0.05, patience=2)
BLEND = Ensemble(members=("bias", "pmf factors=2 epochs=3|4"))


def test_refitting_split_holds_the_ratings_of_both_parts_in_order():
    split = random_split(given=with_times)
    whole = split.refitting()
    assert len(whole.valid) == 0 and whole.test is split.test
    expected = {(r, c): (v, t) for part in (split.train, split.valid) for r, c, v, t in entries(part)}
    found = list(entries(whole.train))
    assert {(r, c): (v, t) for r, c, v, t in found} == expected and len(found) == len(expected)
    assert [place[:2] for place in found] == sorted(expected)


def entries(part):
    return zip(part.row_of_rating.tolist(), part.indices.tolist(), part.values.tolist(), part.timestamps.tolist(), strict=True)


@pytest.mark.parametrize(("spec", "options"), [(NET, OPTIONS), (ALS(factors=2), None), (BLEND, None)])
def test_refitted_model_is_that_of_so_many_epochs_on_both_parts(spec, options):
    split = random_split()
    chosen = train(spec, split, options, runtime=RUNTIME)
    refitted = train(spec, split, options, runtime=RUNTIME, refit=True)
    assert refitted.provenance.refit and refitted.provenance.log[0]["valid_rmse"] == chosen.provenance.log[0]["valid_rmse"]
    assert refitted.provenance.best_epoch == chosen.provenance.best_epoch and refitted.spec == chosen.spec
    assert refitted.histories.fingerprint == replace(split.refitting().train, notes=()).fingerprint
    assert not np.array_equal(predictions_of(refitted), predictions_of(chosen))
    if options is not None:
        assert 0 < chosen.provenance.best_epoch < OPTIONS.epochs
        fitter = build_fitter(spec, split.refitting().train, options, RUNTIME)
        TrainingLoop(fitter, validate=None, epochs=chosen.provenance.best_epoch).run()
        assert np.array_equal(predictions_of(refitted), predictions_of(replace(refitted, model=fitter.model)))
    if spec is BLEND:
        assert refitted.model.weights.tolist() == chosen.model.weights.tolist()


@pytest.mark.parametrize(("spec", "options"), [(NET, OPTIONS), (BLEND, None)])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_interrupted_run_goes_on_where_it_was(tmp_path, spec, options, share):
    whole = InterruptAfter(10**6)
    expected = train(spec, random_split(), options, runtime=RUNTIME, progress=whole, refit=True)
    steps = 10**6 - whole.left
    arguments = {"runtime": RUNTIME, "refit": True, "checkpoint_folder": tmp_path / "run"}
    with pytest.raises(InterruptedTrainingError):
        train(spec, random_split(), options, progress=InterruptAfter(max(1, int(share * steps))), **arguments)
    again = InterruptAfter(10**6)
    resumed = train(spec, random_split(), options, progress=again, resume=True, **arguments)
    assert 10**6 - again.left < steps
    assert np.array_equal(predictions_of(resumed), predictions_of(expected))


def test_folder_of_another_kind_of_run_is_refused(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(BundleError, match="there is no checkpoint"):
        train(NET, random_split(), OPTIONS, runtime=RUNTIME, refit=True, checkpoint_folder=folder, resume=True)
    with pytest.raises(InterruptedTrainingError):
        train(NET, random_split(), OPTIONS, runtime=RUNTIME, progress=InterruptAfter(2), checkpoint_folder=folder)
    with pytest.raises(BundleError, match="one model that is not refitted"):
        train(NET, random_split(), OPTIONS, runtime=RUNTIME, refit=True, checkpoint_folder=folder, resume=True)


def test_refitted_model_is_scored_on_test_with_both_parts_as_histories():
    split = RandomSplit(valid=0.2, test=0.2, seed=1).apply(random_ratings())
    refitted = train(ALS(factors=2), split, runtime=RUNTIME, refit=True)
    predictions = predict_ratings(refitted.scorer(), Histories.of_training(split.refitting().train), split.test)
    errors = split.test.scale.clip(predictions) - split.test.values
    assert evaluate(refitted, split).rmse == pytest.approx(np.sqrt(np.square(errors).mean()), abs=1e-6)
    with pytest.raises(ConfigError, match="refitted to the validation set too"):
        evaluate(refitted, split, "valid")
