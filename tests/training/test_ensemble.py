"""Fitting an ensemble: weights on the validation set, members kept when they are done."""

from __future__ import annotations

import signal
from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import (
    InterruptAfter,
    Recorder,
    predictions_of,
    random_ratings,
    random_split,
    ratings_of,
    timeless,
    with_times,
)
from refeed.data.ratings import RatingScale
from refeed.data.splits.random import RandomSplit
from refeed.errors import BundleError, InterruptedTrainingError, SplitError, StorageError, TrainingError
from refeed.evaluation.evaluate import evaluate
from refeed.fitted_model import load
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import Bias, Ensemble
from refeed.models.ensemble.members import Member
from refeed.models.ensemble.stacking import blend_weights
from refeed.progress import Message
from refeed.runtime import Runtime
from refeed.training.events import EpochFinished
from refeed.training.train import train

RUNTIME = Runtime(threads=1, seed=5)
ENSEMBLE = Ensemble(members=("bias user_regularisation=2", "pmf factors=2 epochs=4"), feature_ratings=())


def test_log_has_a_record_for_each_member_and_the_weights_come_from_validation():
    split = random_split()
    fitted = train(ENSEMBLE, split, runtime=RUNTIME)
    assert [record["epoch"] for record in fitted.provenance.log] == [1, 2] and fitted.provenance.best_epoch == 2
    alone = train(Bias(user_regularisation=2.0), split, runtime=RUNTIME)
    assert fitted.provenance.log[0]["train_rmse"] == pytest.approx(alone.provenance.log[0]["train_rmse"])
    members = [
        predict_ratings(model.scorer(), Histories.of_training(split.train), split.valid) for model in fitted.model.models
    ]
    expected = blend_weights(np.stack(members, 1), split.valid.values.astype(float), prior_ratings=ENSEMBLE.prior_ratings)
    np.testing.assert_allclose(fitted.model.weights.numpy(), expected, rtol=1e-5)


def messages(recorder) -> list[str]:
    return [message.text for message in recorder.of(Message)]


def test_finished_members_are_not_fitted_again(tmp_path):
    with pytest.raises(InterruptedTrainingError):  # the bias member has one step
        train(ENSEMBLE, random_split(), runtime=RUNTIME, progress=InterruptAfter(2), checkpoint_folder=tmp_path / "run")
    assert (tmp_path / "run" / "member-1").is_dir()
    resuming = InterruptAfter(10**6)
    resumed = train(
        ENSEMBLE, random_split(), runtime=RUNTIME, progress=resuming, checkpoint_folder=tmp_path / "run", resume=True
    )
    uninterrupted = InterruptAfter(10**6)
    whole = train(ENSEMBLE, random_split(), runtime=RUNTIME, progress=uninterrupted)
    assert uninterrupted.left == resuming.left - 2
    assert np.array_equal(predictions_of(resumed), predictions_of(whole))


def test_members_of_another_run_are_refused(tmp_path):
    with pytest.raises(InterruptedTrainingError):
        train(ENSEMBLE, random_split(), runtime=RUNTIME, progress=InterruptAfter(2), checkpoint_folder=tmp_path / "run")
    with pytest.raises(BundleError, match="of another run"):
        train(ENSEMBLE, random_split(), runtime=replace(RUNTIME, seed=6), checkpoint_folder=tmp_path / "run", resume=True)
    (tmp_path / "run" / "member-1" / "member.json").write_text("{}")
    with pytest.raises(BundleError, match="damaged"):
        train(ENSEMBLE, random_split(), runtime=RUNTIME, checkpoint_folder=tmp_path / "run", resume=True)


def test_run_without_resume_starts_again_and_spares_other_folders(tmp_path):
    with pytest.raises(InterruptedTrainingError):
        train(ENSEMBLE, random_split(), runtime=RUNTIME, progress=InterruptAfter(2), checkpoint_folder=tmp_path / "run")
    (tmp_path / "run" / ".partial-0123-member-2").mkdir()  # of a write that was killed
    fresh = train(ENSEMBLE, random_split(), runtime=replace(RUNTIME, seed=6), checkpoint_folder=tmp_path / "run")
    assert len(fresh.provenance.log) == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear reader")
    with pytest.raises(StorageError, match="holds something else"):
        train(ENSEMBLE, random_split(), runtime=RUNTIME, checkpoint_folder=tmp_path / "other")
    with pytest.raises(BundleError, match="no checkpoint to resume"):
        train(ENSEMBLE, random_split(), runtime=RUNTIME, checkpoint_folder=tmp_path / "none", resume=True)


@pytest.mark.parametrize("timed", [True, False], ids=["times", "no times"])
def test_variants_that_make_no_difference_without_times_are_fitted_once(timed):
    ratings = random_ratings()
    split = RandomSplit().apply(with_times(ratings) if timed else ratings)
    members = ("bayesian factors=2 samples=3 burn_in=2 session_minutes=10|none",)
    recorder = Recorder()
    fitted = train(Ensemble(members=members, feature_ratings=()), split, runtime=RUNTIME, progress=recorder)
    expected = ["10", "none"] if timed else ["10"]
    assert messages(recorder) == [f"member 1 of 1: {members[0][:-7]}{minutes}" for minutes in expected]
    assert str(fitted.spec.members[0]) in [f"{members[0][:-7]}{minutes}" for minutes in expected]


def test_ensemble_needs_a_validation_part():
    split = random_split()
    empty = replace(split, valid=split.valid.select(np.zeros(len(split.valid), bool)))
    with pytest.raises(SplitError, match="learns its weights on the validation set"):
        train(ENSEMBLE, empty, runtime=RUNTIME)


def test_best_variant_of_each_member_is_kept(tmp_path):
    split = random_split()
    both = Ensemble(members=("bias user_regularisation=2", "pmf factors=2 epochs=1|6 learning_rate=0.005"))
    fitted = train(both, split, runtime=RUNTIME)
    variants = [Member(variant.text) for variant in both.members[1].variants]
    alone = [train(Ensemble(members=(both.members[0], variant)), split, runtime=RUNTIME) for variant in variants]
    errors = [model.provenance.log[-1]["valid_rmse"] for model in alone]
    assert errors[0] != errors[1]
    best = alone[int(np.argmin(errors))]
    assert fitted.spec == best.spec and np.array_equal(predictions_of(fitted), predictions_of(best))


def test_variant_that_diverges_is_left_out_and_so_is_a_member_without_others():
    split = random_split()
    kept = train(Ensemble(members=("pmf factors=2 epochs=3 learning_rate=1e6|0.005",)), split, runtime=RUNTIME)
    assert kept.spec.members == (Member("pmf factors=2 epochs=3 learning_rate=0.005"),) and kept.provenance.note == ""
    wild = "pmf factors=2 epochs=3 learning_rate=1e6|1e7"
    one_left = train(Ensemble(members=(wild, "bias")), split, runtime=RUNTIME, refit=True)
    assert one_left.spec.members == (Member("bias"),) and len(one_left.provenance.log) == 1
    assert one_left.provenance.note.startswith(f"'{wild}' was left out, since ")
    with pytest.raises(TrainingError, match="no member of the ensemble could be trained"):
        train(Ensemble(members=(wild,)), split, runtime=RUNTIME)


def test_finished_variants_are_not_fitted_again(tmp_path):
    spec = Ensemble(members=("pmf factors=2 epochs=4|5",))
    whole = InterruptAfter(10**6)
    expected = train(spec, random_split(), runtime=RUNTIME, progress=whole)
    steps = 10**6 - whole.left
    with pytest.raises(InterruptedTrainingError):
        train(spec, random_split(), runtime=RUNTIME, progress=InterruptAfter(steps - 1), checkpoint_folder=tmp_path / "run")
    again = InterruptAfter(10**6)
    resumed = train(spec, random_split(), runtime=RUNTIME, progress=again, checkpoint_folder=tmp_path / "run", resume=True)
    assert 10**6 - again.left == 1
    assert resumed.spec == expected.spec and np.array_equal(predictions_of(resumed), predictions_of(expected))


def test_ctrl_c_in_the_last_epoch_of_a_member_stops_before_the_next(tmp_path):
    def interrupt_at_the_end(event):
        if isinstance(event, EpochFinished):
            signal.raise_signal(signal.SIGINT)

    spec = Ensemble(members=("bias", "bias user_regularisation=3"))
    with pytest.raises(InterruptedTrainingError, match="stopped before 'bias user_regularisation=3'; those before it are kept"):
        train(spec, random_split(), runtime=RUNTIME, progress=interrupt_at_the_end, checkpoint_folder=tmp_path / "run")
    assert (tmp_path / "run" / "member-1").is_dir()


def test_members_are_announced_with_their_settings():
    recorder = Recorder()
    spec = Ensemble(members=("bias sweeps=1|2", "bias"), feature_ratings=())
    train(spec, random_split(), runtime=RUNTIME, progress=recorder, refit=True)
    told = messages(recorder)
    assert told[:3] == ["member 1 of 2: bias sweeps=1", "member 1 of 2: bias sweeps=2", "member 2 of 2: bias"]
    assert told[3].startswith("refitting 1 of 2: bias sweeps=") and told[4] == "refitting 2 of 2: bias"


def drifting_split():
    """Users rate by one law in their first half and by its opposite later, so that the local effect decides."""
    rng, users = np.random.default_rng(0), 60
    effect = rng.normal(0, 1, (users, 2))
    triples = [
        (u, i, 3 + effect[u, half] + rng.normal(0, 0.3))
        for u in range(users)
        for half in range(2)
        for i in range(20 * half, 20 * half + 20)
    ]
    times = [(half * 100 + k) * 86_400 for _ in range(users) for half in range(2) for k in range(20)]
    return RandomSplit(valid=0.25, test=0.1).apply(ratings_of(*triples, scale=RatingScale(-9, 15), timestamps=times))


def test_weights_that_vary_with_the_pair_are_kept_where_they_are_better(tmp_path):
    split, recorder = drifting_split(), Recorder()
    spec = Ensemble(members=("bias", "pmf factors=2 epochs=3"), feature_ratings=(1e9, 100.0))
    fitted = train(spec, split, runtime=RUNTIME, progress=recorder)
    alike = train(replace(spec, feature_ratings=()), split, runtime=RUNTIME)
    records = [record["valid_rmse"] for record in fitted.provenance.log]
    assert timeless(fitted.provenance.log[:2]) == timeless(alike.provenance.log) and fitted.provenance.best_epoch == 3
    assert records[2] < 0.7 * records[1]
    expected = f"are kept: validation RMSE {records[2]:.4f}, constant weights {records[1]:.4f}"
    assert messages(recorder)[-1] == f"varying weights {expected}"
    test = evaluate(fitted, split).rmse
    assert test == pytest.approx(records[2], rel=0.1) and test < 0.7 * evaluate(alike, split).rmse
    fitted.save(tmp_path / "model")
    assert evaluate(load(tmp_path / "model"), split).rmse == test


@pytest.mark.parametrize("others", [(), (1e9,), (1e9, 1e8)])
def test_best_penalty_on_moving_weights_is_taken(others):
    split = drifting_split()
    models = [
        train(Ensemble(members=("bias",), feature_ratings=ratings), split, runtime=RUNTIME)
        for ratings in ((100.0,), (*others, 100.0), (100.0, *others))
    ]
    assert len({model.provenance.log[-1]["valid_rmse"] for model in models}) == 1
    assert all(np.array_equal(model.model.weights_by_feature, models[0].model.weights_by_feature) for model in models)


def test_weights_stay_constant_where_varying_ones_are_no_better(monkeypatch):
    split, recorder = random_split(given=with_times), Recorder()
    noise = np.random.default_rng(0)
    monkeypatch.setattr(
        "refeed.models.ensemble.features.MetaReader.raw", lambda self, h, rows, *_: noise.normal(size=(len(rows), 10))
    )
    fitted = train(replace(ENSEMBLE, feature_ratings=(0.01,)), split, runtime=RUNTIME, progress=recorder)
    alike = train(ENSEMBLE, split, runtime=RUNTIME)
    assert messages(recorder)[-1].startswith("varying weights are no better")
    assert timeless(fitted.provenance.log) == timeless(alike.provenance.log)
    assert np.array_equal(predictions_of(fitted), predictions_of(alike))
    assert not fitted.model.features.item_counts.any()


def test_refitted_features_are_of_all_ratings():
    split = drifting_split()
    spec = Ensemble(members=("bias",), feature_ratings=(100.0,))
    counts = [
        train(spec, split, runtime=RUNTIME, refit=refit).model.features.item_counts.sum().item() for refit in (False, True)
    ]
    assert counts == [len(split.train), len(split.train) + len(split.valid)]
