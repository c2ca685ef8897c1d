"""A planted low-rank matrix, part of it hidden, and other programs' protocol on real data."""

from __future__ import annotations

import numpy as np

from helpers.small_worlds import predictions_of, split_of
from refeed.data.ratings import Ratings
from refeed.data.splits.base import Split
from refeed.fitted_model import FittedModel


def low_rank_split(*, rank, users=60, items=40, share=0.6, seed=0) -> tuple[Split, np.ndarray]:
    """Ratings of standard deviation 1 without noise, of which `share` are seen, and the whole matrix."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(users, rank)) @ rng.normal(size=(rank, items))
    truth /= truth.std()
    rows, columns = np.nonzero(rng.random(truth.shape) < share)
    return split_of(Ratings.from_columns(rows, columns, truth[rows, columns])), truth


def held_out_rmse(fitted: FittedModel, split: Split, truth: np.ndarray) -> float:
    """RMSE over the places that were not seen."""
    hidden = np.ones_like(truth, bool)
    hidden[split.train.row_of_rating, split.train.indices] = False
    return float(np.sqrt(np.square(predictions_of(fitted) - truth)[hidden].mean()))
