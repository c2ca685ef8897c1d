"""The best items of every user, against a full sort."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.small_worlds import model_of_item_biases, random_split, ratings_of
from refeed.inference.histories import Histories
from refeed.inference.top_lists import top_lists
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

SPLIT = random_split()
SPECS = {
    "user side": AutoEncoder(encoder=(6,), offsets="bias"),
    "item side": AutoEncoder(encoder=(6,), side="item", offsets="mean"),
    "bias": Bias(),
}


def flat(lists) -> list[tuple[int, int, int, float]]:
    """User, rank, item and score of each row."""
    rows = []
    for block in lists:
        users = np.repeat(block.users, block.lengths)
        columns = users, block.ranks, block.items, block.scores
        rows += zip(*(column.tolist() for column in columns), strict=True)
    return rows


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize("k", [1, 4, 15])
def test_lists_are_those_of_a_full_sort(name, exclude_seen, k):
    fitted = train(SPECS[name], SPLIT, TrainingOptions(epochs=2), runtime=Runtime(threads=2, seed=1))
    histories, users = Histories.of_training(SPLIT.train), np.arange(0, 24, 2)
    expected = []
    for user in users:
        history = histories.rows([user])
        scores = fitted.scorer().score_rows(history)[0].astype(float)
        order = [item for item in np.argsort(-scores, kind="stable") if not (exclude_seen and item in history.indices)]
        expected += [(user, rank, item, scores[item]) for rank, item in enumerate(order[:k], start=1)]
    found = flat(top_lists(fitted.scorer(), histories, users, k=k, exclude_seen=exclude_seen, users_per_block=5))
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    np.testing.assert_allclose([row[3] for row in found], [row[3] for row in expected], rtol=1e-5)


def test_equal_scores_come_in_the_order_of_position_and_lists_end_where_everything_was_seen():
    train_part = ratings_of((1, 10, 3), (1, 20, 3), (2, 10, 4), (2, 20, 1), (2, 30, 2), (2, 40, 5))
    fitted = model_of_item_biases(train_part, [0.0, 0.0, 0.0, 0.0])
    histories = Histories.of_training(train_part)
    lists = list(top_lists(fitted.scorer(), histories, np.arange(2), k=3, exclude_seen=True))
    assert flat(lists) == [(0, 1, 2, 3.0), (0, 2, 3, 3.0)]
    assert lists[0].lengths.tolist() == [2, 0]
    assert lists[0].scores.dtype == np.float32
