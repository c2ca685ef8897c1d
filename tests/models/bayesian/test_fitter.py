"""Gibbs sampling on planted ratings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import random_ratings, split_of
from refeed.data.ratings import Ratings, RatingScale
from refeed.models import BayesianFactorisation
from refeed.models.bayesian.fitter import GibbsFitter
from refeed.runtime import Runtime
from refeed.training.loop import TrainingLoop
from refeed.training.train import train

NOISE = 0.4


def planted(*, users=150, items=100, share=0.35, noise=NOISE, seed=0):
    """Two factors, biases and normal noise (one deviation, or one a user) at some places, and what is expected at all."""
    rng = np.random.default_rng(seed)
    expected = 10 + rng.normal(0, 0.8, (users, 1)) + rng.normal(0, 0.6, (1, items))
    expected = expected + rng.normal(size=(users, 2)) @ rng.normal(size=(2, items))
    rows, columns = np.nonzero(rng.random((users, items)) < share)
    deviations = np.broadcast_to(noise, users)[rows]
    values = expected[rows, columns] + deviations * rng.standard_normal(len(rows))
    return Ratings.from_columns(rows, columns, values, scale=RatingScale(-100, 100)), expected


@pytest.fixture(scope="module")
def world():
    ratings, expected = planted()
    spec = BayesianFactorisation(factors=2, samples=30, burn_in=20, choice_features=0, noise_strength=None)
    return train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1)), ratings, expected


def test_planted_ratings_are_recovered_where_nobody_rated(world):
    fitted, ratings, expected = world
    predicted = fitted.model.scorer().score_rows(ratings.rows())
    rated = np.zeros(expected.shape, bool)
    rated[ratings.row_of_rating, ratings.indices] = True
    assert expected.std() > 1.5
    assert np.sqrt(np.square(predicted - expected)[~rated].mean()) < 0.25


def test_noise_precision_is_the_planted_one(world):
    model = world[0].model
    found = model.deviation.item() / np.sqrt(model.noise_precision.numpy())
    assert found.mean() == pytest.approx(NOISE, rel=0.03)
    assert bool((model.item_weights == 1.0).all())


def test_training_error_reported_is_about_the_noise(world):
    assert world[0].provenance.log[-1]["train_rmse"] == pytest.approx(NOISE, rel=0.05)


def test_users_of_different_noise_are_told_apart():
    noise = np.where(np.arange(150) % 2, 0.2, 0.8)
    ratings, expected = planted(noise=noise)
    errors = {}
    for strength in (None, 6.0):
        spec = BayesianFactorisation(factors=2, samples=20, burn_in=20, choice_features=0, noise_strength=strength)
        fitter = GibbsFitter(spec.build(150, 100, seed=0), ratings, spec, seed=1)
        for epoch in range(fitter.epochs):
            fitter.train_step(epoch, 0)
        errors[strength] = np.sqrt(np.square(fitter.model.scorer().score_rows(ratings.rows()) - expected).mean())
    found = fitter.model.deviation.item() / fitter.state()["users.noise"].sqrt().numpy()
    assert np.median(found[::2]) == pytest.approx(0.8, rel=0.15) and np.median(found[1::2]) == pytest.approx(0.2, rel=0.3)
    assert errors[6.0] < 0.9 * errors[None]


def test_what_was_rated_tells_about_taste():
    # two kinds of users who rate the items of their kind, which they like; the ratings alone are few
    rng = np.random.default_rng(0)
    kind, genre = np.arange(200) % 2, np.arange(60) % 2
    likes = kind[:, None] == genre
    rated = rng.random((200, 60)) < np.where(likes, 0.12, 0.02)
    rated[np.arange(200), rng.integers(0, 60, 200)] = True
    rows, columns = np.nonzero(rated)
    expected = np.where(likes, 4.0, 2.0)
    ratings = Ratings.from_columns(
        rows, columns, expected[rows, columns] + rng.normal(0, 1.0, len(rows)), scale=RatingScale(-9, 9)
    )
    errors = {}
    for features in (0, 4):
        spec = BayesianFactorisation(factors=2, samples=30, burn_in=20, choice_features=features, noise_strength=None)
        predicted = train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1)).model.scorer().score_rows(ratings.rows())
        errors[features] = np.sqrt(np.square(predicted - expected)[~rated].mean())
    assert errors[4] < 0.8 * errors[0]


def draws_after_each_sweep(**options):
    ratings, spec = random_ratings(), BayesianFactorisation(factors=2, choice_features=0, **options)
    fitter = GibbsFitter(spec.build(24, 15, seed=0), ratings, spec, seed=1)
    seen, newest = [], []
    for epoch in range(fitter.epochs):
        fitter.train_step(epoch, 0)
        seen.append(fitter.model.num_samples)
        newest.append(bool((fitter.model.items[:, -1].float() - fitter.state()["items.vectors"]).abs().max() < 0.01))
    return seen, newest


def test_latest_draw_stands_alone_until_the_first_is_kept_and_then_every_so_many_are_added():
    seen, newest = draws_after_each_sweep(samples=3, burn_in=2, thinning=2)
    assert seen == [1, 1, 1, 1, 1, 2, 2, 3]
    assert newest == [True, True, True, True, False, True, False, True]


def test_without_burn_in_every_draw_is_kept():
    assert draws_after_each_sweep(samples=3, burn_in=0, thinning=1) == ([1, 2, 3], [True] * 3)


def test_noise_free_ratings_are_fitted_without_numbers_running_away():
    ratings, expected = planted(noise=0.0, users=60, items=40)
    spec = BayesianFactorisation(factors=3, samples=10, burn_in=40, choice_features=0)
    fitted = train(spec, split_of(ratings), runtime=Runtime(threads=1))
    assert np.sqrt(np.square(fitted.model.scorer().score_rows(ratings.rows()) - expected).mean()) < 0.1
    assert float(fitted.model.noise_precision.max()) <= 1e4


def test_threads_change_nothing_but_rounding():
    ratings, _ = planted(users=60, items=40)
    spec = BayesianFactorisation(factors=2, samples=2, burn_in=1)
    one, two = (
        train(spec, split_of(ratings), runtime=Runtime(threads=threads, seed=1)).model.scorer().score_rows(ratings.rows())
        for threads in (1, 2)
    )
    torch.set_num_threads(1)
    np.testing.assert_allclose(one, two, atol=0.01)


def test_best_epoch_has_the_draws_that_it_had_then():
    ratings, _ = planted(users=60, items=40)
    spec = BayesianFactorisation(factors=2, samples=8, burn_in=3)
    fitter = GibbsFitter(spec.build(60, 40, seed=0), ratings, spec, seed=1)
    validated = iter([9.0, 8.0, 7.0, 6.0, 5.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0])
    best = TrainingLoop(fitter, validate=lambda: next(validated)).run().best_epoch
    assert (best, fitter.model.num_samples) == (6, 3)
    assert fitter.model.users.shape == (60, 3, 3) and fitter.model.item_weights.shape == (40, 3)


def with_session_effects(*, users=120, items=80, sessions=6, size=0.5, noise=0.4, seed=0):
    """Planted ratings of which each user's are given in some sessions, each with a session effect."""
    ratings, _ = planted(users=users, items=items, noise=noise)
    rng = np.random.default_rng(seed)
    planted_effects, session = rng.normal(0, size, (users, sessions)), rng.integers(0, sessions, len(ratings))
    values = (ratings.values + planted_effects[ratings.row_of_rating, session]).astype(np.float32)
    return replace(ratings, values=values, timestamps=600 * session + rng.integers(0, 600, len(ratings))), planted_effects


def test_planted_session_effects_are_recovered():
    ratings, planted_effects = with_session_effects()
    spec = BayesianFactorisation(factors=2, samples=20, burn_in=20, choice_features=0, noise_strength=None)
    fitted = train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1))
    model, history = fitted.model, ratings.rows()
    users, numbers = np.divmod(np.arange(planted_effects.size), planted_effects.shape[1])
    requested = users, np.zeros(planted_effects.size, np.int64)
    scorer = model.scorer()
    effects = scorer.predict_pairs(history, *requested, 600 * numbers) - scorer.predict_pairs(history, *requested)
    left = planted_effects - planted_effects.mean(1, keepdims=True)  # an effect that a user always has is their bias
    found = effects.reshape(planted_effects.shape)
    assert np.corrcoef((found - found.mean(1, keepdims=True)).ravel(), left.ravel())[0, 1] > 0.9
    deviation = model.deviation.item() * (model.session_variance / model.noise_precision).sqrt()
    assert deviation.mean().item() == pytest.approx(0.5, rel=0.1)
    assert model.deviation.item() * model.noise_precision.rsqrt().mean().item() == pytest.approx(0.4, rel=0.05)
    assert fitted.provenance.log[-1]["train_rmse"] == pytest.approx(0.4, rel=0.06)


def test_session_effects_that_are_not_there_are_not_found():
    ratings, _ = with_session_effects(size=0.0)
    spec = BayesianFactorisation(factors=2, samples=10, burn_in=30, choice_features=0, noise_strength=None)
    model = train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1)).model
    assert model.session_variance.mean() < 0.02
    assert model.deviation * model.session_means.abs().max() < 0.1


@pytest.mark.parametrize("forgotten", ["times", "sessions"])
def test_without_times_or_sessions_all_is_drawn_as_without(forgotten):
    ratings, _ = with_session_effects(users=30, items=20)
    spec = BayesianFactorisation(factors=2, samples=3, burn_in=2)
    without = replace(ratings, timestamps=None)
    expected = train(replace(spec, session_minutes=None), split_of(without), runtime=Runtime(threads=1, seed=1)).model
    given, spec = (without, spec) if forgotten == "times" else (ratings, replace(spec, session_minutes=None))
    model = train(spec, split_of(given), runtime=Runtime(threads=1, seed=1)).model
    assert model.session_seconds is None and not model.session_variance.any() and len(model.session_means) == 0
    history, users = ratings.rows(), ratings.row_of_rating.astype(np.int64)
    requested = (history, users, history.indices, history.timestamps)
    scorer, without = model.scorer(), expected.scorer()
    assert np.array_equal(scorer.predict_pairs(*requested), without.predict_pairs(*requested))
    assert np.array_equal(scorer.score_rows(history), without.score_rows(history))


def test_chain_of_sessions_goes_on_from_its_state():
    ratings, _ = with_session_effects(users=30, items=20)
    spec = BayesianFactorisation(factors=2, samples=3, burn_in=2)
    whole = GibbsFitter(spec.build(30, 20, seed=0), ratings, spec, seed=1)
    whole.train_step(0, 0)
    resumed = GibbsFitter(spec.build(30, 20, seed=0), ratings, spec, seed=1)
    resumed.load_state({name: tensor.clone() for name, tensor in whole.state().items()})
    for fitter in (whole, resumed):
        fitter.train_step(1, 0)
    assert {"sessions.effects", "sessions.variance"} < whole.state().keys()
    for name, tensor in whole.state().items():
        assert torch.equal(resumed.state()[name], tensor)


def test_chain_without_a_state_starts_afresh():
    ratings, _ = with_session_effects(users=30, items=20)
    spec = BayesianFactorisation(factors=2, samples=3, burn_in=2)
    first, second = (GibbsFitter(spec.build(30, 20, seed=0), ratings, spec, seed=1) for _ in range(2))
    second.load_state({})
    assert first.train_step(0, 0) == second.train_step(0, 0)
