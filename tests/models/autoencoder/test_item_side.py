"""The item side: trained users, changed histories and new users."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of, random_split, ratings_of, split_of
from refeed.models import AutoEncoder
from refeed.models.autoencoder.item_scorer import same_rows, transposed
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train


@pytest.fixture(scope="module")
def fitted():
    spec = AutoEncoder(encoder=(8, 5), side="item", offsets="bias")
    return train(spec, random_split(), TrainingOptions(epochs=30, batch_size=5, learning_rate=0.01), runtime=Runtime(seed=1))


def test_prediction_for_a_training_user_is_the_trained_output_of_the_items(fitted):
    model, train_ratings = fitted.model, fitted.histories
    offsets = model.offsets.user_part(train_ratings.rows())[:, None] + model.offsets.item_part()
    dense = torch.zeros(train_ratings.num_items, train_ratings.num_users)
    rows = train_ratings.row_of_rating
    dense[train_ratings.indices, rows] = torch.from_numpy(train_ratings.values - offsets[rows, train_ratings.indices])
    with torch.no_grad():
        outputs = model.network.output_dense(model.network.hidden_of_dense(dense)).t().numpy()
    np.testing.assert_allclose(model.scorer().score_rows(train_ratings.rows()), outputs + offsets, rtol=1e-4, atol=1e-4)


def test_user_with_the_same_history_but_not_in_training_is_folded_in_close_to_the_trained_one(fitted):
    history = fitted.histories.rows(np.argsort(-fitted.histories.user_counts)[:5])
    scorer = fitted.model.scorer()
    known, new_user = scorer.score_rows(history), scorer.score_rows(replace(history, users=np.full(5, -1)))
    assert not np.array_equal(known, new_user)
    rows, items = history.row_of_rating, history.indices
    own = np.sqrt(np.square(new_user[rows, items] - history.values).mean())
    baseline = np.sqrt(np.square(fitted.model.offsets.of_entries(history) - history.values).mean())
    assert own < baseline


def test_changed_history_moves_the_prediction_towards_the_new_rating_and_nobody_elses(fitted):
    history = fitted.histories.rows([3, 4])
    items = np.setdiff1d(np.arange(fitted.histories.num_items), history.indices[: history.counts[0]])
    added = int(items[0])
    scorer = fitted.model.scorer()
    before = scorer.score_rows(history)
    more = [dict(zip(history.rows([row]).indices.tolist(), history.rows([row]).values.tolist(), strict=True)) for row in (0, 1)]
    wanted = 5.0 if before[0, added] < 3 else 1.0
    changed = history_of({**more[0], added: wanted}, more[1], num_items=history.num_items, users=[3, 4])
    after = scorer.score_rows(changed)
    assert abs(after[0, added] - wanted) < abs(before[0, added] - wanted)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-5)


def test_user_without_a_rating_gets_the_mean_vector(fitted):
    model = fitted.model
    scorer = model.scorer()
    scores = scorer.score_rows(history_of({}, num_items=model.num_items))[0]
    with torch.no_grad():
        codes, network = scorer.codes, model.network
        expected = codes @ network.last_weight.mean(0) + network.output_bias.mean()
    np.testing.assert_allclose(scores, expected.numpy() + model.offsets.mean.item() + model.offsets.item_part(), rtol=1e-5)


def test_same_rows_are_those_with_equal_items_and_values_of_training_users():
    trained = history_of({0: 1.0, 2: 2.0}, {1: 3.0}, {}, num_items=3, users=[0, 1, 2])
    requested = history_of(
        {0: 1.0, 2: 2.0}, {0: 1.0, 2: 2.5}, {0: 1.0, 1: 2.0}, {0: 1.0}, {1: 3.0}, {1: 3.0}, {}, {},
        num_items=3, users=[0, 0, 0, 0, 1, -1, 2, -1],
    )  # fmt: skip
    assert same_rows(requested, trained).tolist() == [True, False, False, False, True, False, True, False]


def test_transposed_rows_are_the_columns():
    history = history_of({0: 1.0, 2: 2.0}, {}, {2: 3.0}, num_items=4, users=[5, 6, 7])
    result = transposed(history)
    assert (result.indptr.tolist(), result.indices.tolist(), result.values.tolist()) == (
        [0, 1, 1, 3, 3],
        [0, 0, 2],
        [1.0, 2.0, 3.0],
    )
    assert (result.num_items, len(result)) == (3, 4)


def test_prior_and_noise_of_the_fold_in_by_hand(fitted):
    scorer = fitted.model.scorer()
    spread, noise = scorer.trained_vectors
    weight = fitted.model.network.output_weight.detach().double().numpy()
    np.testing.assert_allclose((spread @ spread.t()).numpy(), np.cov(weight.T, bias=True), rtol=1e-3, atol=1e-6)
    ratings = fitted.histories
    predicted = scorer.score_rows(ratings.rows())[ratings.row_of_rating, ratings.indices]
    assert noise == pytest.approx(np.square(predicted - ratings.values).mean(), rel=1e-4)


def test_one_training_user_without_error_still_gives_new_users_finite_predictions():
    ratings = ratings_of(*((0, item, 3.0) for item in range(5)))
    fitted = train(AutoEncoder(encoder=(3,), side="item", offsets="mean"), split_of(ratings), runtime=Runtime(threads=1))
    scorer = fitted.model.scorer()
    scores = scorer.score_rows(history_of({0: 5.0, 1: 1.0}, num_items=5))
    assert np.isfinite(scores).all() and scorer.trained_vectors[1] > 0


def test_new_users_are_predicted_about_as_well_as_training_users():
    """A rank-one world of 400 users; predicted on ratings that were not in training."""
    rng = np.random.default_rng(0)
    taste, item = rng.normal(size=(400, 1)), rng.normal(size=(1, 30))
    truth = np.clip(3 + taste @ item + rng.normal(0, 0.3, (400, 30)), 1, 5)
    seen = rng.random((400, 30)) < 0.5
    users, items = np.nonzero(seen)
    ratings = ratings_of(*zip(users.tolist(), items.tolist(), truth[seen].tolist(), strict=True))
    options = TrainingOptions(epochs=60, batch_size=10, learning_rate=0.01, weight_decay=1e-3, decay_biases=False)
    fitted = train(
        AutoEncoder(encoder=(16,), side="item", offsets="mean"), split_of(ratings), options, runtime=Runtime(threads=1)
    )
    history = fitted.histories.rows()
    new_users = replace(history, users=np.full(400, -1))
    known, folded = (
        np.sqrt(np.square(np.clip(fitted.model.scorer().score_rows(one), 1, 5) - truth)[~seen].mean())
        for one in (history, new_users)
    )
    assert known < 0.6 < np.std(truth)
    assert folded < 1.05 * known
