"""Batches are a function of (seed, epoch)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refeed.data.batches import epoch_batches
from refeed.errors import ConfigError
from refeed.seeds import derive_seed


def test_derived_seed_never_changes():
    assert derive_seed(0) == 5_621_864_261_735_219_286
    assert derive_seed(0, "batches", 3) == 9_005_255_807_524_110_161


def test_derived_seeds_of_different_purposes_differ():
    seeds = [derive_seed(1), derive_seed(2), derive_seed(1, 5), derive_seed(1, "5"), derive_seed(1, 5, 1), derive_seed(1, "a")]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 20), st.integers(0, 2**63 - 1), st.booleans())
def test_every_row_with_ratings_is_in_exactly_one_batch(counts, batch_size, seed, shuffle):
    batches = epoch_batches(np.array(counts, np.int64), batch_size, seed=seed, epoch=2, shuffle=shuffle)
    rows = [row for batch in batches for row in batch.tolist()]
    assert sorted(rows) == [row for row, count in enumerate(counts) if count]
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * max(0, len(batches) - 1)


def test_order_depends_on_seed_and_epoch_alone():
    counts = np.ones(100, np.int64)
    orders = {
        (seed, epoch): tuple(np.concatenate(epoch_batches(counts, 7, seed=seed, epoch=epoch)).tolist())
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(set(orders.values())) == 4
    assert np.concatenate(epoch_batches(counts, 100, seed=1, epoch=1)).tolist() == list(orders[1, 1])


def test_without_shuffling_rows_keep_their_order():
    batches = epoch_batches(np.array([1, 0, 2, 5, 1]), 3, seed=0, epoch=0, shuffle=False)
    assert [batch.tolist() for batch in batches] == [[0, 2, 3], [4]]
    assert batches[0].dtype == np.int64


def test_batch_size_below_one_is_refused():
    with pytest.raises(ConfigError, match="batch_size: expected at least 1 row, got 0"):
        epoch_batches(np.ones(3, np.int64), 0, seed=0, epoch=0)
