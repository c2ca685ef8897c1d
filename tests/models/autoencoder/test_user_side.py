"""The user side, against its formula."""

from __future__ import annotations

import numpy as np
import torch

from helpers.small_worlds import history_of, random_ratings
from refeed.models import AutoEncoder
from refeed.models.common.pairs import centred, unique_pairs


def test_prediction_is_offset_plus_network_of_the_centred_history():
    ratings = random_ratings()
    model = AutoEncoder(encoder=(6, 3), offsets="bias").build(ratings.num_users, ratings.num_items, seed=1)
    model.offsets.fit(ratings)
    history = history_of({0: 5.0, 4: 2.0}, num_items=ratings.num_items)
    offset = model.offsets.user_part(history)[0] + model.offsets.item_part()
    dense = torch.zeros(1, ratings.num_items)
    dense[0, [0, 4]] = torch.from_numpy(np.array([5.0, 2.0], np.float32) - offset[[0, 4]])
    with torch.no_grad():
        expected = model.network.output_dense(model.network.hidden_of_dense(dense))[0].numpy() + offset
    np.testing.assert_allclose(model.scorer().score_rows(history)[0], expected, rtol=1e-5)


def test_training_rows_are_the_users_with_offsets_taken_off():
    ratings = random_ratings()
    model = AutoEncoder(encoder=(4,), offsets="mean").build(ratings.num_users, ratings.num_items, seed=1)
    model.offsets.fit(ratings)
    source = model.training_source(ratings)
    assert np.array_equal(source.counts, ratings.user_counts)
    rows = source.rows(np.array([7, 2]))
    np.testing.assert_allclose(rows.values, ratings.rows([7, 2]).values - ratings.values.mean(), atol=1e-6)


def test_centring_keeps_everything_but_the_values():
    history = history_of({1: 4.0}, {0: 2.0, 1: 1.0}, num_items=2)
    result = centred(history, np.array([1.0, 2.0, 3.0], np.float32))
    assert result.values.tolist() == [3.0, 0.0, -2.0] and history.values.tolist() == [4.0, 2.0, 1.0]
    assert result.indptr is history.indptr and result.indices is history.indices and result.users is history.users


def test_pairs_in_any_order_and_with_repeats_become_distinct_places():
    rows, items = np.array([9, 2, 9, 9, 2]), np.array([1, 3, 0, 1, 3])
    requested, places, place_of_pair = unique_pairs(rows, items, 5, torch.device("cpu"))
    assert requested.tolist() == [2, 9]
    assert (places.indptr.tolist(), places.columns.tolist()) == ([0, 1, 3], [3, 0, 1])
    assert place_of_pair.tolist() == [2, 0, 1, 2, 0]
