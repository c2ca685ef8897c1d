"""What each rating contributes to a prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.planted import GENRES, ratings_by_genre
from helpers.small_worlds import model_of_item_biases, ratings_of
from refeed.data.history import History
from refeed.errors import ConfigError, DataError
from refeed.inference import explain as explain_module
from refeed.inference.explain import Reason, explain
from refeed.models import Bias

RATINGS = ratings_by_genre()


def prediction(fitted, ratings: dict[int, float], item: int) -> float:
    seen = History.of_one(list(ratings), list(ratings.values()), num_items=len(fitted.items))
    return float(fitted.scorer().predict_pairs(seen, np.array([0]), np.array([item]))[0])


@pytest.mark.parametrize("block", [1, 3, 4096])
def test_effect_is_the_prediction_with_the_rating_minus_that_without_it(genre_model, monkeypatch, block):
    monkeypatch.setattr(explain_module, "USERS_PER_BLOCK", block)
    ratings = {0: 5.0, 3: 4.5, 7: 2.0, 11: 2.5}
    found = explain(genre_model, ratings, 9)
    assert {reason.item: reason.rating for reason in found} == ratings
    for reason in found:
        without = {item: rating for item, rating in ratings.items() if item != reason.item}
        expected = prediction(genre_model, ratings, 9) - prediction(genre_model, without, 9)
        assert reason.effect == pytest.approx(expected, abs=1e-4)
    effects = [abs(reason.effect) for reason in found]
    assert effects == sorted(effects, reverse=True)


def test_ratings_of_the_same_genre_are_the_reasons(genre_model):
    loved = explain(genre_model, {0: 5.0, 1: 2.0, 6: 5.0, 8: 2.0}, 9)
    assert {reason.item % GENRES for reason in loved if reason.effect == max(one.effect for one in loved)} == {0}
    disliked = explain(genre_model, {0: 1.0, 1: 5.0, 4: 5.0, 7: 5.0}, 9)
    assert next(reason for reason in disliked if reason.item == 0).effect < 0


def test_user_is_explained_by_the_history_kept_or_given(genre_model):
    rated = dict(zip(*(column.tolist() for column in (RATINGS.rows([7]).indices, RATINGS.rows([7]).values)), strict=True))
    assert explain(genre_model, 7, 2) == explain(genre_model, 7, 2, history=RATINGS) == explain(genre_model, rated, 2)
    given = ratings_of(("new", 4, 5.0), ("new", 99, 1.0))
    (only,) = explain(genre_model, "new", 2, history=given)
    assert (only.item, only.rating) == (4, 5.0)


def test_effect_on_a_damped_user_bias_by_hand_with_titles():
    fitted = model_of_item_biases(RATINGS, np.zeros(18), mean=3.0, titles=[f"title {item}" for item in range(18)])
    model = Bias(user_regularisation=1.0).build(90, 18, seed=0)
    model.offsets.set(3.0, np.zeros(18))
    fitted = replace(fitted, model=model)
    # the user's bias is (2 - 1) / (2 + 1) with both ratings, -1 / (1 + 1) without the first, 2 / (1 + 1) without the second
    first, second = explain(fitted, {0: 5.0, 1: 2.0}, 5)
    assert first == Reason(0, "title 0", 5.0, pytest.approx(1 / 3 + 1 / 2))
    assert second == Reason(1, "title 1", 2.0, pytest.approx(1 / 3 - 1))


def test_unknown_ids_and_wrong_histories_are_refused(genre_model):
    with pytest.raises(DataError, match="unknown item"):
        explain(genre_model, 7, 99)
    with pytest.raises(DataError, match="unknown user"):
        explain(genre_model, 999, 2)
    with pytest.raises(DataError, match="Give at least one rating"):
        explain(genre_model, {}, 2)
    with pytest.raises(ConfigError, match="history: not used with a new user's ratings"):
        explain(genre_model, {0: 5.0}, 2, history=RATINGS)
