"""Predictions in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings

SPLIT = random_split()
BIASES = np.linspace(-1, 1, SPLIT.train.num_items)
FITTED = model_of_item_biases(SPLIT.train, BIASES)


@pytest.mark.parametrize("block", [1, 2, 5, 4096])
def test_every_rating_gets_its_prediction_whatever_the_block(block):
    histories = Histories.of_training(SPLIT.train)
    predictions = predict_ratings(FITTED.scorer(), histories, SPLIT.test, users_per_block=block)
    np.testing.assert_allclose(predictions, 3 + BIASES[SPLIT.test.indices], rtol=1e-6)


def test_model_sees_the_history_of_the_user_it_is_asked_about():
    seen = []

    class Watching:
        def predict_pairs(self, history, rows, items, times=None):
            seen.extend(history.users[rows].tolist())
            return np.zeros(len(rows), np.float32)

    predict_ratings(Watching(), Histories.of_training(SPLIT.train), SPLIT.test, users_per_block=3)
    assert sorted(seen) == SPLIT.test.row_of_rating.tolist()  # blocks may be worked through at the same time
