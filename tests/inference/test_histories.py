"""The histories that a model sees, and whom it takes their users for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, ratings_of
from refeed.errors import BundleError, DataError
from refeed.inference.histories import Histories
from refeed.inference.predict import predict, predict_interval
from refeed.inference.recommend import recommend
from refeed.inference.recommend_all import recommend_all
from refeed.intervals.conformal import RatingIntervals
from refeed.intervals.spread import ResidualVariance

TRAIN = ratings_of(("u1", "a", 4), ("u1", "c", 2), ("u2", "b", 3))
FITTED = model_of_item_biases(TRAIN, [0.5, -1.0, 0.0])
SURE = replace(FITTED, intervals=RatingIntervals.learn(ResidualVariance.of(TRAIN), np.array([0.1, 0.2]), np.ones(2)))


def test_training_ratings_are_the_histories_of_their_users():
    history = Histories.of_training(TRAIN).rows([1, 0])
    assert history.users.tolist() == [1, 0]
    assert (history.indices.tolist(), history.values.tolist()) == ([1, 0, 2], [3.0, 4.0, 2.0])


def test_the_same_vocabularies_keep_their_positions():
    histories = Histories.for_model(FITTED, TRAIN)
    assert histories.ratings is TRAIN
    assert histories.known_as.tolist() == [0, 1]


def test_other_users_are_minus_one_and_unknown_items_are_left_out():
    given = ratings_of(("u2", "a", 1), ("u9", "c", 5), ("u9", "z", 2))
    history = Histories.for_model(FITTED, given).rows([0, 1])
    assert history.users.tolist() == [1, -1]
    assert (history.indptr.tolist(), history.indices.tolist()) == ([0, 1, 2], [0, 2])
    assert history.num_items == 3


def test_user_ids_of_the_other_type_are_new_users():
    given = ratings_of((1, "a", 1), (2, "c", 5))
    assert Histories.for_model(FITTED, given).known_as.tolist() == [-1, -1]


def test_item_that_the_model_does_not_have_is_damage():
    damaged = replace(TRAIN, indices=np.array([0, 3, 1]))
    assert Histories.of_training(damaged).rows([1]).indices.tolist() == [1]
    with pytest.raises(BundleError, match=r"an item beyond the 3 of the model, so their file is damaged\n.*`refeed check`"):
        Histories.of_training(damaged).rows([0, 1])


def test_histories_are_those_given_or_those_kept():
    given = ratings_of(("u9", "a", 1))
    assert Histories.seen_by(FITTED, given).ratings.users.decode([0]) == ["u9"]
    assert Histories.seen_by(FITTED, None).ratings is TRAIN
    bare = model_of_item_biases(TRAIN, [0.5, -1.0, 0.0], keep_histories=False)
    with pytest.raises(DataError, match=r"keeps no histories(.|\n)*--history FILE"):
        Histories.seen_by(bare, None)


@pytest.mark.parametrize(
    "ask",
    [
        lambda history, path: recommend(FITTED, "u1", history=history),
        lambda history, path: predict(FITTED, ["u1"], ["a"], history=history),
        lambda history, path: predict_interval(SURE, ["u1"], ["a"], level=0.5, history=history),
        lambda history, path: recommend_all(FITTED, path, history=history),
    ],
    ids=["recommend", "predict", "predict_interval", "recommend_all"],
)
@pytest.mark.parametrize("history", [TRAIN.rows([0]), {"a": 4.0}])
def test_everything_that_takes_a_history_takes_ratings_alone(tmp_path, ask, history):
    ask(TRAIN, tmp_path / "lists.parquet")
    with pytest.raises(DataError, match=rf"history: expected Ratings, got {type(history).__name__}\n.*read_ratings"):
        ask(history, tmp_path / "others.parquet")


def test_item_ids_of_the_other_type_are_refused():
    with pytest.raises(DataError, match="item ids here are strings, but integers were given"):
        Histories.for_model(FITTED, ratings_of(("u1", 1, 1.0), ("u1", 2, 2.0)))
    assert np.array_equal(FITTED.histories.indptr, [0, 2, 3])
