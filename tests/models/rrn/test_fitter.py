"""Fitting of the recurrent recommender network: sides in turn, exact solutions, resuming anywhere, a planted drift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import InterruptAfter, predictions_of, random_ratings, ratings_of, split_of, timeless, with_times
from refeed.data.splits.time import TimeSplit
from refeed.errors import DataError, InterruptedTrainingError, TrainingError
from refeed.evaluation.evaluate import evaluate
from refeed.models import ALS, RRN, Bias
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

RATINGS = with_times(random_ratings())
SPEC = RRN(factors=2, regularisation=0.2, start_epochs=1, epochs=2, batch_size=10, units=4, embedding=3, state=2)
RUNTIME = Runtime(threads=1, seed=3)


def new_fitter(ratings=RATINGS, **options):
    return build_fitter(replace(SPEC, **options), ratings, TrainingOptions(), RUNTIME)


def copies(parameters) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def unchanged(before, parameters) -> bool:
    return all(torch.equal(old, new) for old, new in zip(before, parameters, strict=True))


def test_ratings_without_times_are_refused():
    with pytest.raises(DataError, match=r"rrn.*no times(.|\n)*Name the column of the times, or choose another model"):
        new_fitter(random_ratings())


def test_every_rating_is_used_by_both_sides_in_every_epoch():
    fitter = new_fitter()
    for epoch in range(3):
        reports = [fitter.train_step(epoch, step) for step in range(fitter.num_steps(epoch))]
        assert sum(report.ratings for report in reports) == 2 * len(RATINGS)
    assert [fitter.num_steps(epoch) for epoch in range(3)] == [2, 3 + 2, 3 + 2]  # 24 users, 15 items


def test_first_epochs_solve_for_the_stationary_factors():
    fitter = new_fitter()
    fitter.train_step(0, 0)
    residuals = RATINGS.values - fitter.model.offsets.of_entries(RATINGS.rows())
    users, q = fitter.state()["user_factors"].numpy(), fitter.model.item_factors.detach().numpy()
    for user in range(RATINGS.num_users):
        mine = slice(*RATINGS.indptr[user : user + 2])
        features = q[RATINGS.indices[mine]]
        gram = features.T @ features + 0.2 * len(features) * np.eye(2)
        np.testing.assert_allclose(users[user], np.linalg.solve(gram, features.T @ residuals[mine]), rtol=1e-3, atol=1e-5)
    report = fitter.train_step(0, 1)
    products = (users[RATINGS.row_of_rating] * fitter.model.item_factors.detach().numpy()[RATINGS.indices]).sum(1)
    assert report.squared_error == pytest.approx(np.square(residuals - products).sum(), rel=1e-4)


def test_first_step_of_adam_by_hand():
    fitter = new_fitter(batch_size=100, weight_decay=0.0, learning_rate=0.01)
    fitter.train_step(0, 0), fitter.train_step(0, 1)
    before = fitter.model.user_network.affine.bias.detach().clone()
    report = fitter.train_step(1, 0)
    # all products of states are 0, so the errors are those of the new stationary factors; b gets -2 mean(error * item state)
    history, items = RATINGS.rows(), fitter.model.scorer()._items
    places = items.states_before(history.indices, fitter.model.item_network.moments(history.timestamps))
    products = (fitter.state()["user_factors"][history.row_of_rating] * fitter.model.item_factors[history.indices]).sum(1)
    errors = torch.from_numpy(history.values - fitter.model.offsets.of_entries(history)) - products
    gradient = -2 * (errors[:, None] * fitter.model.item_states[places]).mean(0)
    assert report.squared_error == pytest.approx(errors.square().sum().item(), rel=1e-4)
    expected = before - 0.01 * gradient / (gradient.abs() + 1e-8)  # Adam's first step
    torch.testing.assert_close(fitter.model.user_network.affine.bias, expected, rtol=1e-3, atol=1e-6)


def test_one_side_learns_while_the_other_is_fixed():
    fitter = new_fitter()
    for step in range(2):
        fitter.train_step(0, step)
    users, items = fitter.model.user_network, fitter.model.item_network
    before = copies(users.parameters()), copies([*items.parameters(), fitter.model.item_factors])
    for step in range(3):
        fitter.train_step(1, step)
    assert not unchanged(before[0], users.parameters())
    assert unchanged(before[1], [*items.parameters(), fitter.model.item_factors])
    before = copies(users.parameters()), copies([*items.parameters(), fitter.model.item_factors])
    for step in range(3, 5):
        fitter.train_step(1, step)
    assert unchanged(before[0], users.parameters())
    assert not unchanged(before[1][:-1], items.parameters()) and not unchanged(before[1][-1:], [fitter.model.item_factors])


def test_model_keeps_the_states_of_the_items_as_they_are_after_an_epoch():
    fitter = new_fitter()
    for epoch in range(2):
        for step in range(fitter.num_steps(epoch)):
            fitter.train_step(epoch, step)
    side = fitter._sides[1]
    assert torch.equal(fitter.model.item_states, fitter.model.item_network.states(side.sequences))
    assert fitter.model.item_moments.tolist() == side.sequences.timeline.moments.tolist()


@pytest.mark.parametrize("steps", [2, 4, 5, 6, 11])
def test_run_interrupted_anywhere_equals_the_uninterrupted_one(steps, tmp_path):
    whole = train(SPEC, split_of(RATINGS), runtime=RUNTIME)
    with pytest.raises(InterruptedTrainingError):
        train(SPEC, split_of(RATINGS), runtime=RUNTIME, progress=InterruptAfter(steps), checkpoint_folder=tmp_path)
    resumed = train(SPEC, split_of(RATINGS), runtime=RUNTIME, checkpoint_folder=tmp_path, resume=True)
    assert np.array_equal(predictions_of(resumed), predictions_of(whole))
    assert timeless(resumed.provenance.log) == timeless(whole.provenance.log)


def test_log_says_when_only_stationary_factors_are_fitted():
    log = train(SPEC, split_of(RATINGS), runtime=RUNTIME).provenance.log
    assert [record["learning_rate"] for record in log] == [None, 0.001, 0.001]


def test_steps_that_are_too_large_end_the_training():
    with pytest.raises(TrainingError, match=r"Lower learning_rate"):
        train(replace(SPEC, learning_rate=1e30, epochs=5), split_of(RATINGS), runtime=RUNTIME)


def test_optimisers_start_afresh_without_their_state():
    fitter, again = new_fitter(), new_fitter()
    for step in range(2):
        fitter.train_step(0, step), again.train_step(0, step)
    again.load_state({})
    assert fitter.train_step(1, 0) == again.train_step(1, 0)


def drifting(who: str, *, users=120, items=40, days=100, noise=0.2):
    """All users rate all items once, at random times. The level of each item (or user) oscillates one and a half times, with
    alternating sign."""
    rng = np.random.default_rng(0)
    when = rng.random((users, items))  # of all the time
    number = np.arange(items) if who == "items" else np.arange(users)[:, None]
    level = np.sin(3 * np.pi * when) * np.where(number % 2, -1, 1)
    values = np.clip(3 + level + rng.normal(0, noise, level.shape), 1, 5)
    rows, columns = np.indices(level.shape)
    triples = zip(rows.ravel().tolist(), columns.ravel().tolist(), values.ravel().tolist(), strict=True)
    return ratings_of(*triples, timestamps=(when * days * 86_400).astype(np.int64).ravel())


@pytest.mark.parametrize("who", ["items", "users"])
def test_planted_drift_is_caught_where_static_models_miss_it(who):
    split = TimeSplit(fraction=0.8).apply(drifting(who))
    recurrent = RRN(
        user_step_days=5, item_step_days=5, embedding=8, units=8, state=4, factors=2, start_epochs=2, epochs=16,
        learning_rate=0.03, batch_size=40, patience=None,
    )  # fmt: skip
    rmse = {}
    for spec in (Bias(), ALS(factors=2, regularisation=0.1), recurrent):
        fitted = train(spec, split, runtime=RUNTIME)
        rmse[spec.kind] = evaluate(fitted, split).rmse
    assert min(rmse["bias"], rmse["als"]) > 0.65  # the drift itself deviates by 0.7
    assert rmse["rrn"] < 0.65 * min(rmse["bias"], rmse["als"])
