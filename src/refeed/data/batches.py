"""Batches of rows as a function of (seed, epoch), and seeds as a function of a purpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.errors import ConfigError
from refeed.seeds import derive_seed


def epoch_batches(
    counts: npt.NDArray[np.int64], batch_size: int, *, seed: int, epoch: int, shuffle: bool = True
) -> list[npt.NDArray[np.int64]]:
    """The batches of one epoch: each row that has a rating is in exactly one of them.

    Args:
        counts: int64 (rows,), number of ratings of each row; rows without any are in no batch.
        batch_size: rows a batch, at least 1; the last batch holds the rest and may be smaller.
        seed: seed of the job.
        epoch: number of the epoch; the order depends on (seed, epoch) alone, so a resumed run repeats it.
        shuffle: False keeps the rows in their order.

    Returns:
        row indices, int64 (batch_size,) each.

    Raises:
        ConfigError: batch_size is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size: expected at least 1 row, got {batch_size}")
    rows = np.flatnonzero(counts)
    if shuffle:
        np.random.default_rng(derive_seed(seed, "batches", epoch)).shuffle(rows)
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
