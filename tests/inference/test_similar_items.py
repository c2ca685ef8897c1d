"""Similar items of planted clusters, by any model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.planted import GENRES, ratings_by_genre
from helpers.small_worlds import model_of_item_biases, ratings_of, split_of
from refeed.errors import ConfigError, DataError
from refeed.inference.similar_items import SimilarItem, similar_items
from refeed.models import ALS, Ease
from refeed.runtime import Runtime
from refeed.training.train import train

RATINGS = ratings_by_genre()


def test_items_of_the_same_genre_are_the_most_similar(genre_model):
    for item in range(GENRES):
        found = similar_items(genre_model, item, k=17)
        assert {entry.item % GENRES for entry in found[:5]} == {item}
        similarity = [entry.similarity for entry in found]
        assert similarity == sorted(similarity, reverse=True)
        assert similarity[4] > 0.4 and similarity[5] < 0.1


def test_similarity_is_damped_correlation_of_centred_predictions_by_hand(genre_model):
    scores = genre_model.scorer().score_rows(RATINGS.rows()).astype(float)
    correlations = np.corrcoef(scores - scores.mean(axis=1, keepdims=True), rowvar=False)
    for entry in similar_items(genre_model, 4, k=100):
        support = min(RATINGS.item_counts[[4, entry.item]])
        assert entry.similarity == pytest.approx(correlations[4, entry.item] * support / (support + 10), abs=1e-5)


def test_item_with_few_ratings_is_less_similar():
    twin = ratings_of(*((u, i, 2.0 + 2.0 * (u % 3 == i % 3)) for u in range(30) for i in range(6)))
    is_rare = (twin.indices == 3) & (twin.row_of_rating > 2)  # of the genre of item 0, but three users have rated it
    fitted = train(Ease(regularisation=1.0), split_of(twin.select(~is_rare)), runtime=Runtime(threads=1))
    assert similar_items(fitted, 0, k=1)[0].similarity < 3 / (3 + 10) + 1e-6


def test_sample_of_users_is_the_same_at_each_call():
    fitted = train(ALS(factors=3), split_of(RATINGS), runtime=Runtime(threads=1, seed=1))
    sampled = similar_items(fitted, 1, num_users=40)
    assert sampled == similar_items(fitted, 1, num_users=40) != similar_items(fitted, 1)
    assert {found.item % GENRES for found in sampled[:5]} == {1}


def test_model_that_predicts_no_difference_between_users_has_no_similar_items():
    fitted = model_of_item_biases(RATINGS, np.linspace(-1, 1, 18), titles=[f"title {item}" for item in range(18)])
    assert similar_items(fitted, "5", k=2) == [SimilarItem(0, "title 0", 0.0), SimilarItem(1, "title 1", 0.0)]


def test_histories_are_those_given_or_kept_and_the_rest_is_refused(genre_model):
    bare = replace(genre_model, histories=None)
    with pytest.raises(DataError, match="keeps no histories"):
        similar_items(bare, 1)
    assert similar_items(bare, 1, history=RATINGS) == similar_items(genre_model, 1)
    with pytest.raises(DataError, match="unknown item"):
        similar_items(genre_model, 99)
    with pytest.raises(ConfigError, match="k: expected at least 1, got 0"):
        similar_items(genre_model, 1, k=0)
    with pytest.raises(ConfigError, match="num_users: expected at least 2, got 1"):
        similar_items(genre_model, 1, num_users=1)
