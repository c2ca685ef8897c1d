"""Batches of rows as a function of (seed, epoch), and seeds as a function of a purpose."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt

from refeed.errors import ConfigError


def derive_seed(seed: int, *parts: int | str) -> int:
    """A seed of its own, 0 to 2**63 - 1, for the purpose that `parts` name; 5 and "5" are different parts.

    The same on every machine and in every process, so that each generator of a job follows from the job's one seed.
    """
    digest = hashlib.blake2b(json.dumps([seed, *parts]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


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
        row positions, int64 (batch_size,) each.

    Raises:
        ConfigError: batch_size is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size: expected at least 1 row, got {batch_size}")
    rows = np.flatnonzero(counts)
    if shuffle:
        np.random.default_rng(derive_seed(seed, "batches", epoch)).shuffle(rows)
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
