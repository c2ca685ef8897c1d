"""The dense program: data as the original keeps them, and its initial weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.training_sides import dense_batch
from oracles.dense_program import as_lists, code_masks, dense_batches, dense_rows, initial_weights, main
from refeed.data.history import entry_indices
from refeed.data.store.store import write_store
from refeed.data.synthetic.in_memory import synthetic_ratings

RATINGS = synthetic_ratings(96, 3_000, 4_000, seed=0)


def test_lists_and_their_dense_batches_are_the_ratings():
    lists = as_lists(RATINGS.indptr, RATINGS.indices, RATINGS.values, RATINGS.num_items)
    assert list(lists) == list(range(RATINGS.num_users))
    assert sum(map(len, lists.values())) == len(RATINGS)
    assert lists[3] == [(int(item), float(value)) for item, value in zip(*_row(3), strict=True)]
    dense, rated = dense_rows([lists[5], lists[2]], RATINGS.num_items)
    expected, expected_rated = dense_batch(RATINGS, np.array([5, 2]))
    assert torch.equal(dense, expected) and torch.equal(rated, expected_rated)
    batches = list(dense_batches(lists, RATINGS.num_items, 40, seed=0))
    assert [len(ratings) for ratings, _ in batches] == [40, 40]  # the last 16 users are left out, as in the original


def _row(user):
    places, _ = entry_indices(RATINGS.indptr, np.array([user]))
    return RATINGS.indices[places], RATINGS.values[places]


def test_initial_weights_have_the_originals_names_and_layout():
    weights = initial_weights([8, 4], 50, seed=0)
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    assert shapes == {
        "encode_w.0": (8, 50), "encode_b.0": (8,), "encode_w.1": (4, 8), "encode_b.1": (4,),
        "decode_w.0": (8, 4), "decode_b.0": (8,), "decode_w.1": (50, 8), "decode_b.1": (50,),
    }  # fmt: skip
    assert weights["encode_w.0"].abs().max() <= (6 / 58) ** 0.5 and weights["encode_b.0"].eq(0).all()


def test_code_masks_keep_the_mean():
    torch.manual_seed(0)
    masks = code_masks(500, 40, 0.8, passes=2)
    assert len(masks) == 2 and masks[0].unique().tolist() == pytest.approx([0.0, 5.0])
    assert masks[1].mean().item() == pytest.approx(1.0, abs=0.05)
    assert code_masks(500, 40, 0.0, passes=2) == []


def test_dense_program_trains_on_a_store(tmp_path, capsys):
    write_store(RATINGS, tmp_path / "store")
    words = [str(tmp_path / "store"), "--batches", "2", "--batch-size", "16", "--encoder", "8,4", "--refeed", "1"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{len(RATINGS)} ratings, last loss ") and 1 < float(said.split()[-1]) < 30
