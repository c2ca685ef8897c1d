"""Draws of the effects of sessions against their closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, random_ratings, with_times
from refeed.models.bayesian.regression import FeatureTable, padded_rows
from refeed.models.bayesian.session_draws import LARGEST_VARIANCE, SessionDraws
from refeed.models.bayesian.sessions import Sessions

CPU = torch.device("cpu")


def draws_of(history):
    return SessionDraws(history, Sessions.of(history, 3600), CPU)


def generators(seed=0):
    return {"numbers": np.random.default_rng(seed), "normal": torch.Generator().manual_seed(seed)}


def test_draws_have_the_closed_forms_mean_and_variance():
    # a user with errors 1 and 2 of weights 1 and 3 in one session, and none to tell of in another, 10,000 times
    users = 10_000
    history = replace(history_of(*[{0: 1.0, 1: 2.0}] * users, num_items=3), timestamps=np.tile([0, 10], users))
    draws = draws_of(history)
    draws.variance.fill_(0.5)
    table = FeatureTable(torch.zeros(1, 3, 2), torch.tensor([[1.0, 3.0, 1.0]]))
    for group in padded_rows(history, CPU, width=3, sessions=np.zeros(2 * users, np.int32)):
        _, sums = table.products_of(group, draws.variance)
        vectors = torch.zeros(len(group.rows), 2, 2)
        vectors[:, 1, 1] = 1.0  # the drawn bias; the mean is 0
        draws.observe(group.rows, sums, vectors)
    np.testing.assert_allclose(draws.means(), 0.5 / (1 + 0.5 * 4) * 7, rtol=1e-5)
    for seed in range(8):
        draws.draw(torch.full((users,), 4.0), **generators(seed))
    assert draws.variance.item() == pytest.approx(2.0, rel=0.05)  # a errors^2 = 4 * 9 = W + v W^2, with W = 4
    share = draws.variance.item() / (1 + 4 * draws.variance.item())
    assert draws.effects.mean().item() == pytest.approx(share * 3, abs=0.02)
    assert draws.effects.var().item() == pytest.approx(share / 4, rel=0.05)


def with_errors(effect, *, users=400, seed=0):
    """Draws of sessions of weight 5, whose effects relative to noise have the deviation `effect`; and the users' noise."""
    draws = draws_of(with_times(random_ratings(users=users), days=2).rows())
    normal = torch.Generator().manual_seed(seed)
    noise = 0.5 + torch.rand(users, generator=normal)
    planted, scatter = torch.randn(2, len(draws.effects), generator=normal)
    draws._known[:, 2] = 5.0
    draws._known[:, 1] = (5 * effect * planted + 5**0.5 * scatter) / noise[draws._user].sqrt()
    return draws, noise


@pytest.mark.parametrize("effect", [0.3, 2.0])
def test_variance_drawn_is_that_of_the_effects_relative_to_noise(effect):
    draws, noise = with_errors(effect)
    seen = []
    for seed in range(40):
        draws.draw(noise, **generators(seed))
        seen.append(draws.variance.item())
    assert np.mean(seen[10:]) == pytest.approx(effect**2, rel=0.15)
    # the relative deviation of a variance known from D normal numbers is about sqrt(2 / D) (1 + 1 / (v W))
    expected = np.sqrt(2 / len(draws.effects)) * (1 + 1 / (5 * effect**2))
    assert 0.5 < np.std(seen[10:]) / np.mean(seen[10:]) / expected < 2.0


def test_variance_vanishes_where_there_is_nothing_and_does_not_run_away():
    draws, noise = with_errors(0.0)
    for seed in range(10):
        draws.draw(noise, **generators(seed))
    assert draws.variance.item() < 0.01
    draws._known[:, 1] = 1e6
    for seed in range(10):
        draws.draw(noise, **generators(seed))
    assert 0.9 * LARGEST_VARIANCE < draws.variance.item() <= 1.001 * LARGEST_VARIANCE


def test_items_see_their_ratings_less_the_effect_of_the_users_session():
    ratings = with_times(random_ratings(), days=3)
    history, by_item = ratings.rows(), ratings.transposed().rows()
    draws = draws_of(history)
    draws.effects = torch.randn(len(draws.effects), generator=torch.Generator().manual_seed(0))
    effect = {
        (user, item): float(e) for user, item, e in zip(history.row_of_rating, history.indices, draws.at_ratings(), strict=True)
    }
    assert len(set(effect.values())) == len(draws.effects) < len(effect)
    for group in padded_rows(by_item, CPU, width=3, sessions=draws.of_items(by_item)):
        left = draws.subtracted(group).values
        for place, item in enumerate(group.rows.tolist()):
            users = group.columns[place, : int(group.counts[place])].tolist()
            expected = group.values[place, : len(users)].numpy() - [effect[user, item] for user in users]
            np.testing.assert_allclose(left[place, : len(users)], expected, rtol=1e-6)
