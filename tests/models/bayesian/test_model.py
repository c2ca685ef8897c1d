"""The Bayesian factorisation's predictions: means and spreads over draws, and users by their histories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, split_of, with_times
from refeed.data.history import History
from refeed.data.ratings import Ratings, RatingScale
from refeed.errors import ConfigError
from refeed.models import BayesianFactorisation
from refeed.models.bayesian.model import Sample
from refeed.models.bayesian.sessions import Sessions
from refeed.runtime import Runtime
from refeed.training.train import train


def sample(*, user, item, mean=(0.0, 0.0), precision=1.0, noise=1.0, weights=(1.0, 1.0), variance=0.0, effects=()):
    """A draw of one user and two items with one factor and a bias each."""
    return Sample(
        users=torch.tensor([user]),
        items=torch.tensor(item),
        item_weights=torch.tensor(weights),
        prior_mean=torch.tensor(mean),
        prior_precision=precision * torch.eye(2),
        choice_weights=torch.zeros(0, 2),
        noise_precision=torch.tensor(noise),
        session_variance=torch.tensor(variance),
        session_means=torch.tensor(effects),
    )


def model_of(*samples, strength=None, history=None):
    spec = BayesianFactorisation(factors=1, choice_features=0, noise_strength=strength, session_minutes=60.0)
    model = spec.build(1, 2, seed=0)
    model.mean.fill_(3.0)
    model.deviation.fill_(2.0)
    if history is not None:
        model.set_sessions(Sessions.of(history, 3600))
        model.digests.copy_(torch.from_numpy(model.digests_of(history)))
    for number, each in enumerate(samples):
        model.keep(each, instead=number == 0)
    return model


TWO = (
    sample(user=[1.0, 0.5], item=[[2.0, 0.0], [0.0, -1.0]]),
    sample(user=[-1.0, 0.0], item=[[1.0, 0.5], [0.5, 0.5]]),
)
KNOWN = history_of({}, num_items=2, users=[0])  # the user's digest is that of no ratings


def test_prediction_is_the_mean_over_draws_by_hand():
    # draw 1: 1 * 2 + 0.5 = 2.5 and 0.5 - 1 = -0.5; draw 2: -1 + 0.5 = -0.5 and -0.5 + 0.5 = 0; 3 + 2 * mean
    model = model_of(*TWO)
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.score_rows(KNOWN), [[5.0, 2.5]], rtol=1e-6)
    np.testing.assert_allclose(scorer.predict_pairs(KNOWN, np.array([0, 0]), np.array([1, 0])), [2.5, 5.0], rtol=1e-6)


def test_new_users_vector_is_the_posterior_mean_of_each_draw_by_hand():
    # one rating 5 of item 0, standardised 1; draw 1: f = (2, 1), y = 1, precision I + f f^T, so x = f / (1 + 5) = (1/3, 1/6)
    # draw 2: f = (1, 1), y = 1/2, x = f * y / 3 = (1/6, 1/6)
    # item 1: draw 1 gives 1/6 - 1, draw 2 gives 1/12 + 1/6 + 1/2
    score = model_of(*TWO).scorer().score_rows(history_of({0: 5.0}, num_items=2))[0]
    assert score[1] == pytest.approx(3 + (1 / 6 - 1 + 3 / 4), rel=1e-5)
    assert score[0] == pytest.approx(3 + (5 / 6 + 5 / 6), rel=1e-5)


def test_new_user_without_ratings_has_the_priors_mean():
    model = model_of(sample(user=[9.0, 9.0], item=[[1.0, 0.0], [2.0, 0.0]], mean=(0.5, 0.25)))
    np.testing.assert_allclose(
        model.scorer().score_rows(history_of({}, num_items=2)), [[3 + 2 * 0.75, 3 + 2 * 1.25]], rtol=1e-5
    )


def timed(history, *times):
    return replace(history, timestamps=np.array(times))


SAT = timed(history_of({0: 5.0, 1: 1.0}, num_items=2, users=[0]), 100, 7300)  # two sessions
MOODY = (
    sample(user=[1.0, 0.5], item=[[2.0, 0.0], [0.0, -1.0]], variance=0.5, effects=(0.25, -0.5)),
    sample(user=[-1.0, 0.0], item=[[1.0, 0.5], [0.5, 0.5]], variance=0.1, effects=(0.75, 0.0)),
)


def at_times(model, history, *times, item=0):
    return model.scorer().predict_pairs(history, np.zeros(len(times), np.int64), np.full(len(times), item), np.array(times))


def test_training_users_session_adds_what_is_expected_of_it_over_the_draws():
    model = model_of(*MOODY, history=SAT)
    np.testing.assert_allclose(at_times(model, SAT, 3599, 7200, 3600, -1), 5.0 + 2 * np.array([0.5, -0.25, 0, 0]), rtol=1e-6)
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.score_rows(SAT), [[5.0, 2.5]], rtol=1e-6)
    np.testing.assert_allclose(scorer.predict_pairs(SAT, np.array([0]), np.array([0])), [5.0], rtol=1e-6)


def test_latest_draw_stands_alone_with_its_effects():
    model = model_of(*MOODY, history=SAT)
    model.keep(MOODY[0], instead=True)
    assert model.session_means.tolist() == [0.25, -0.5] and model.session_variance.tolist() == [0.5]


def test_new_users_session_by_hand():
    # one rating 5 of item 0, standardised 1: f = (2, 1), of noise 1 + v = 3/2 with its session; x = f / (3/2 + 5), and
    # t = v / (1 + v) * (1 - f . x) = 1/3 * (1.5 / 6.5)
    model = model_of(MOODY[0], history=SAT)
    new_user = timed(history_of({0: 5.0}, num_items=2), 10_000)
    np.testing.assert_allclose(at_times(model, new_user, 10_799, 10_800), 3 + 2 * np.array([5.5, 5.0]) / 6.5, rtol=1e-5)
    np.testing.assert_allclose(at_times(model, new_user, 7200, item=1), 3 + 2 * (1 + 0.5 - 6.5) / 6.5, rtol=1e-5)


def test_users_are_predicted_at_their_own_times():
    model = model_of(MOODY[0], history=SAT)
    users = timed(history_of({0: 5.0, 1: 1.0}, {}, {0: 5.0}, num_items=2, users=[0, -1, -1]), 100, 7300, 100)
    rows, items, times = np.array([2, 0, 1, 0, 2]), np.array([0, 1, 0, 1, 0]), np.array([100, 100, 100, 7300, 9999])
    scorer = model.scorer()
    alone = [
        scorer.predict_pairs(users.rows([row]), np.array([0]), np.array([item]), np.array([time]))[0]
        for row, item, time in zip(rows, items, times, strict=True)
    ]
    np.testing.assert_allclose(scorer.predict_pairs(users, rows, items, times), alone, rtol=1e-6)
    assert len(set(alone)) == 5


def test_ratings_of_other_sessions_are_another_history():
    model, other = model_of(MOODY[0], history=SAT), timed(SAT, 100, 200)
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.score_rows(timed(SAT, 3000, 7200)), scorer.score_rows(SAT), rtol=0)
    as_new_user = scorer.score_rows(replace(other, users=np.array([-1])))
    assert np.array_equal(scorer.score_rows(other), as_new_user) and not np.allclose(as_new_user, scorer.score_rows(SAT))


def test_history_without_times_is_taken_without_sessions():
    model, plain = model_of(MOODY[0], history=SAT), model_of(sample(user=[0.0, 0.0], item=[[2.0, 0.0], [0.0, -1.0]]))
    new_user = history_of({0: 5.0}, num_items=2)
    np.testing.assert_allclose(at_times(model, new_user, 0), at_times(plain, new_user, 0), rtol=1e-6)


def planted(seed=0, users=200, items=120):
    rng = np.random.default_rng(seed)
    expected = 6 + rng.normal(0, 0.7, (users, 1)) + rng.normal(0, 0.7, (1, items))
    expected = expected + 0.8 * rng.normal(size=(users, 2)) @ rng.normal(size=(2, items))
    rows, columns = np.nonzero(rng.random((users, items)) < 0.2)
    deviation = 0.7 / np.sqrt(rng.gamma(10.0, size=users) / 10.0)
    observed = expected + deviation[:, None] * rng.standard_normal(expected.shape)
    return Ratings.from_columns(rows, columns, observed[rows, columns], scale=RatingScale(-99, 99)), observed


@pytest.fixture(scope="module")
def world():
    ratings, observed = planted()
    spec = BayesianFactorisation(factors=4, samples=40, burn_in=30, choice_features=8)
    return train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1)), ratings, observed


def test_new_user_with_a_training_history_is_predicted_as_the_training_user(world):
    fitted, ratings, _ = world
    known = ratings.rows(np.arange(20))
    new_user = replace(known, users=np.full(20, -1))
    scorer = fitted.model.scorer()
    apart = scorer.score_rows(new_user) - scorer.score_rows(known)
    assert np.sqrt(np.square(apart).mean()) < 0.03  # the noise of the training user was drawn, the new user's is found
    assert 0.0 < np.abs(apart).max() < 0.3


def test_new_user_with_a_training_history_and_its_times_is_predicted_as_the_training_user():
    ratings = with_times(planted(users=80, items=60)[0], days=4)
    spec = BayesianFactorisation(
        factors=2, samples=10, burn_in=10, choice_features=0, session_minutes=1440.0, noise_strength=None
    )
    model = train(spec, split_of(ratings), runtime=Runtime(threads=1, seed=1)).model
    known = ratings.rows(np.arange(20))
    new_user = replace(known, users=np.full(20, -1))
    requested = (known.row_of_rating, known.indices, known.timestamps)
    scorer = model.scorer()
    apart = scorer.predict_pairs(new_user, *requested) - scorer.predict_pairs(known, *requested)
    assert np.abs(apart).max() < 0.01  # the one noise of all is known, so that all else is rounding to half precision
    assert np.abs(scorer.predict_pairs(known, *requested) - scorer.predict_pairs(known, *requested[:2])).max() > 0.05


def test_changed_history_moves_its_own_user_alone(world):
    fitted, ratings, _ = world
    history = ratings.rows([3, 4])
    values = history.values.copy()
    values[: history.counts[0]] += 2.0
    scorer = fitted.model.scorer()
    changed = scorer.score_rows(replace(history, values=values)) - scorer.score_rows(history)
    assert changed[0].mean() == pytest.approx(2.0, abs=0.6)
    assert not changed[1].any()


def test_users_are_folded_in_the_same_in_small_groups(world, monkeypatch):
    from refeed.models.common import row_groups

    fitted, ratings, _ = world
    new_users = replace(ratings.rows(np.arange(30)), users=np.full(30, -1))
    scorer = fitted.model.scorer()
    together = scorer.score_rows(new_users)
    monkeypatch.setattr(row_groups, "GROUP", 5000)
    np.testing.assert_allclose(scorer.score_rows(new_users), together, atol=2e-4)


def test_state_of_another_number_of_draws_can_be_loaded(world):
    fitted, ratings, _ = world
    other = fitted.spec.build(ratings.num_users, ratings.num_items, seed=0)
    assert other.num_samples == 0
    other.load_state_dict(fitted.model.state_dict())
    assert other.num_samples == fitted.model.num_samples
    assert np.array_equal(other.scorer().score_rows(ratings.rows()), fitted.model.scorer().score_rows(ratings.rows()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": 0}, "factors: expected at least 1, got 0"),
        ({"samples": 0}, "samples: expected at least 1"),
        ({"burn_in": -1}, "burn_in: expected at least 0"),
        ({"thinning": 0}, "thinning: expected at least 1"),
        ({"choice_features": -1}, "choice_features: expected at least 0"),
        ({"session_minutes": 0.0}, "session_minutes: expected at least a second"),
        ({"session_minutes": float("inf")}, "session_minutes: expected at least a second"),
        ({"noise_strength": 2.0}, "noise_strength: expected above 2 or none, got 2.0"),
        ({"noise_strength": float("inf")}, "noise_strength: expected above 2 or none, got inf"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        BayesianFactorisation(**options)


def test_summary_says_how_many_draws_are_averaged():
    spec = BayesianFactorisation(factors=8, samples=40, burn_in=10, thinning=3)
    assert spec.summary(5, 6) == "Bayesian matrix factorisation, 8 factors, mean of 40 draws"
    assert spec.sweeps == 130


def test_history_is_all_that_is_seen_of_a_user(world):
    fitted, ratings, _ = world
    one = ratings.rows([5])
    copy = History.of_one(one.indices[::-1], one.values[::-1], num_items=ratings.num_items)
    scorer = fitted.model.scorer()
    assert np.array_equal(scorer.score_rows(copy), scorer.score_rows(replace(one, users=np.array([-1]))))
