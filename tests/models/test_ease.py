"""EASE: what its predictions are made of, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from helpers.small_worlds import history_of
from refeed.errors import ConfigError
from refeed.models import Ease

WEIGHTS = np.array([[0.0, 0.5, 0.1], [0.2, 0.0, 0.3], [0.4, -0.1, 0.0]], np.float32)


def model_of(target, *, level=0.0):
    """mean 3, item biases 1, 0, -1, user biases of sum / (count + 1)."""
    model = Ease(target=target, user_regularisation=1.0).build(2, 3, seed=0)
    model.offsets.set(3.0, np.array([1.0, 0.0, -1.0]))
    model.weights.copy_(torch.from_numpy(WEIGHTS))
    model.level.fill_(level)
    return model


def test_ratings_are_bias_plus_weighted_residuals():
    # of item 0 rated 5 and item 1 rated 4: user bias (1 + 1) / 3, residuals 1 - 2/3 = 1/3 twice
    scores = model_of("ratings").scorer().score_rows(history_of({0: 5.0, 1: 4.0}, num_items=3))[0]
    expected = 3 + 2 / 3 + np.array([1 + 0.2 / 3, 0.5 / 3, -1 + (0.1 + 0.3) / 3])
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_choices_are_weighted_whatever_their_ratings():
    scores = (
        model_of("implicit", level=-0.5).scorer().score_rows(history_of({0: 5.0, 1: 4.0}, {0: 1.0, 1: 1.0}, {}, num_items=3))
    )
    preferences = np.array([0.2, 0.5, 0.4])
    np.testing.assert_allclose(scores[0], 3 + 2 / 3 - 0.5 + preferences, rtol=1e-6)
    np.testing.assert_allclose(scores[1] - scores[1, 0], preferences - 0.2, atol=1e-6)
    np.testing.assert_allclose(scores[2], 2.5)


def test_pairs_are_answered_some_people_at_once(monkeypatch):
    monkeypatch.setattr("refeed.models.ease.SCORES_PER_BLOCK", 6)  # two people of three items
    model, history = model_of("ratings"), history_of(*({person % 3: 1.0 + person % 5} for person in range(7)), num_items=3)
    rows, items = np.array([6, 0, 3, 3, 5, 0, 6]), np.array([0, 1, 2, 2, 1, 0, 2])
    scorer = model.scorer()
    assert np.array_equal(scorer.predict_pairs(history, rows, items), scorer.score_rows(history)[rows, items])


def test_too_many_items_are_refused_with_the_memory_they_take():
    with pytest.raises(ConfigError, match=r"30,000 items are more than most_items = 20,000\n.*about 22 GB.*most_items=30000"):
        Ease().build(10, 30_000, seed=0)
    assert Ease(most_items=5).build(10, 5, seed=0).weights.shape == (5, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regularisation": 0}, "regularisation: expected above 0, got 0"),
        ({"regularisation": math.nan}, "regularisation: expected above 0, got nan"),
        ({"target": "clicks"}, "target: 'clicks' is not a choice"),
        ({"item_regularisation": -1}, "item_regularisation: expected at least 0, got -1"),
        ({"user_regularisation": math.inf}, "user_regularisation: expected at least 0, got inf"),
        ({"most_items": 0}, "most_items: expected at least 1, got 0"),
    ],
)
def test_setting_out_of_its_range_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        Ease(**options)


def test_summary_says_the_target():
    assert Ease(target="implicit").summary(5, 1200) == "EASE over 1,200 items, implicit"
