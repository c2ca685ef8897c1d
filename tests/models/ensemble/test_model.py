"""Ensembles: their description, and predictions as weighted sums."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, random_ratings, with_times
from refeed.config import from_dict, to_dict
from refeed.errors import ConfigError
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.models.ensemble.features import NAMES, UNTIMED
from refeed.models.ensemble.members import Member
from refeed.optim.options import TrainingOptions

TWO_BIASES = Ensemble(members=("bias user_regularisation=1", "bias user_regularisation=3"))


def test_member_is_a_kind_with_its_settings_and_those_of_its_training():
    (variant,) = Member("autoencoder encoder=8,4 side=item weight_decay=0.01 epochs=3").variants
    assert variant.spec == AutoEncoder(encoder=(8, 4), side="item")
    assert variant.training == TrainingOptions(weight_decay=0.01, epochs=3)
    (plain,) = Member("bias").variants
    assert (plain.spec, plain.training) == (Bias(), TrainingOptions())


def test_members_are_given_as_values_or_as_texts_and_written_as_texts():
    spec = Ensemble(members=("bias sweeps=1|2", Member("bias")))
    assert spec.members == (Member("bias sweeps=1|2"), Member("bias"))
    written = to_dict(spec)
    assert written["members"] == ["bias sweeps=1|2", "bias"]
    assert from_dict(Ensemble, written, where="") == spec == pickle.loads(pickle.dumps(spec))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"members": ()}, "members: expected at least one"),
        ({"members": ("biass",)}, "members: no 'biass'; did you mean 'bias'"),
        ({"members": ("ensemble",)}, "members: no 'ensemble'"),
        ({"members": ("",)}, "members: no ''"),
        ({"members": (3,)}, "members: expected a text, got 3"),
        ({"members": ("autoencoder encoder=4 epoch=3",)}, "unknown key 'epoch'; did you mean 'epochs'"),
        ({"members": ("autoencoder epochs=5|0",)}, "epochs: expected at least 1, got 0"),
        ({"members": ("bias sweep=3",)}, "members: 'bias sweep=3': unknown key 'sweep'; did you mean 'sweeps'"),
        ({"members": ("bias sweeps=1|",)}, "expected a value on either side of each bar in 'sweeps=1|'"),
        ({"members": ("bias sweeps=1|0",)}, "sweeps: expected at least 1"),
        ({"members": ("bias sweeps=0",)}, "sweeps: expected at least 1"),
        ({"prior_ratings": 0.0}, "prior_ratings: expected above 0"),
        ({"feature_ratings": (100.0, 0.0)}, "feature_ratings: expected above 0, got 0"),
    ],
)
def test_bad_description_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        Ensemble(**values)


def test_variants_are_all_combinations_of_the_values():
    assert [variant.text for variant in Member("bias sweeps=1|2 user_regularisation=3|4").variants] == [
        "bias sweeps=1 user_regularisation=3",
        "bias sweeps=1 user_regularisation=4",
        "bias sweeps=2 user_regularisation=3",
        "bias sweeps=2 user_regularisation=4",
    ]
    assert Ensemble(members=("bias sweeps=1|2",)).summary(2, 3) == "(1) user and item biases, the best of 2 settings"


def test_prediction_is_the_weighted_sum_of_the_members():
    model = TWO_BIASES.build(2, 3, seed=0)
    for member in model.models:
        member.inner.offsets.set(3.0, np.array([0.0, 1.0, -1.0]))
    model.weights.copy_(torch.tensor([0.5, 0.25, 0.5]))
    # the history's one rating is 2 above the mean: user biases of 2 / (1 + 1) and 2 / (1 + 3)
    history = history_of({0: 5.0}, num_items=3)
    first, second = 3 + 2 / 2 + np.array([0, 1, -1]), 3 + 2 / 4 + np.array([0, 1, -1])
    np.testing.assert_allclose(model.scorer().score_rows(history)[0], 0.5 + 0.25 * first + 0.5 * second, rtol=1e-6)


def moving_model(ratings, history, times):
    """Two biases with weights that move at random; members' predictions of all pairs, and z of these."""
    n = ratings.num_items
    model = TWO_BIASES.build(ratings.num_users, n, seed=0)
    for number, member in enumerate(model.models):
        member.inner.offsets.set(3.0, np.linspace(-1, number, n))
    model.features.learn(ratings)
    rows, items = np.divmod(np.arange(len(history) * n), n)
    model.features.standardise_by(model.features.reader().raw(history, rows, items, times))
    model.set_weights(WEIGHTS, np.random.default_rng(0).normal(0, 0.1, (len(NAMES), 3)).astype(np.float32))
    z = model.features.reader().of_pairs(history, rows, items, times)
    members = np.stack([member.scorer().predict_pairs(history, rows, items, times) for member in model.models], 1)
    return model, (rows, items), members, z


WEIGHTS = np.array([0.5, 0.25, 0.5], np.float32)


@pytest.mark.parametrize("timed", [True, False], ids=["times", "no times"])
def test_weights_move_with_the_features_of_the_pair(timed):
    ratings = with_times(random_ratings()) if timed else random_ratings()
    history = ratings.rows([4, 2])
    times = np.linspace(946_684_800, 952_000_000, 2 * ratings.num_items).astype(np.int64) if timed else None
    model, pairs, members, z = moving_model(ratings, history, times)
    assert z[:, UNTIMED:].any() == timed
    of_pair = WEIGHTS + z @ model.weights_by_feature.numpy()
    expected = of_pair[:, 0] + (of_pair[:, 1:] * members).sum(1)
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.predict_pairs(history, *pairs, times), expected, rtol=1e-5)
    if not timed:
        np.testing.assert_allclose(scorer.score_rows(history).ravel(), expected, rtol=1e-5)


def test_weights_that_were_learnt_with_times_are_the_same_for_all_where_none_is_requested():
    ratings = with_times(random_ratings())
    history, n = ratings.rows([4, 2]), ratings.num_items
    model, pairs, members, _ = moving_model(ratings, history, np.linspace(946_684_800, 952_000_000, 2 * n).astype(np.int64))
    expected = WEIGHTS[0] + members @ WEIGHTS[1:]
    scorer = model.scorer()
    np.testing.assert_allclose(scorer.predict_pairs(history, *pairs), expected, rtol=1e-5)
    np.testing.assert_allclose(scorer.score_rows(history).ravel(), expected, rtol=1e-5)


def test_features_are_forgotten_where_they_move_nothing():
    ratings = with_times(random_ratings())
    model = TWO_BIASES.build(ratings.num_users, ratings.num_items, seed=0)
    model.features.learn(ratings)
    model.set_weights(np.array([0.0, 1.0, 0.0], np.float32), np.zeros((0, 3), np.float32))
    model.learn_features(ratings)
    assert not model.features.item_counts.any()


def test_weights_are_equal_before_fitting():
    assert TWO_BIASES.build(2, 3, seed=0).weights.tolist() == [0.0, 0.5, 0.5]


def test_summary_numbers_the_members():
    assert TWO_BIASES.summary(2, 3) == "(1) user and item biases; (2) user and item biases"


def test_default_is_an_autoencoder_of_either_side_and_the_bayesian_factorisation():
    members = [member.variants[0] for member in Ensemble().members]
    assert [member.spec.kind for member in members] == ["autoencoder", "autorec", "bayesian"]
    assert [getattr(member.spec, "side", None) for member in members] == ["user", "item", None]
    assert [member.training.weight_decay for member in members] == [0.003, 0.0004, 0.0]
