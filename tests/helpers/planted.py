"""A planted low-rank matrix, planted genres, part of it hidden, and other programs' protocol on real data."""

from __future__ import annotations

import numpy as np

from helpers.small_worlds import STARS, predictions_of, split_of
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


GENRES = 3


def ratings_by_genre(*, users=90, items=18, share=0.5, seed=0) -> Ratings:
    """User u likes the genre u % 3 two stars more than the others, item i is of the genre i % 3; some users rate higher."""
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(rng.random((users, items)) < share)
    likes = rows % GENRES == columns % GENRES
    values = 2.0 + 2.0 * likes + rng.uniform(0, 1, users)[rows]
    return Ratings.from_columns(rows, columns, values, scale=STARS)


def held_out_rmse(fitted: FittedModel, split: Split, truth: np.ndarray) -> float:
    """RMSE over the places that were not seen."""
    hidden = np.ones_like(truth, bool)
    hidden[split.train.row_of_rating, split.train.indices] = False
    return float(np.sqrt(np.square(predictions_of(fitted) - truth)[hidden].mean()))
