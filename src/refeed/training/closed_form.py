"""What is solved for instead of descended to: offsets and the bias baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks
from refeed.models.bias import Bias, BiasModel
from refeed.models.offsets import Offsets
from refeed.training.fitter import OneStepFitter, StepReport


def fit_offsets(
    offsets: Offsets, train: Ratings, *, item_regularisation: float, user_regularisation: float, sweeps: int = 10
) -> None:
    """Fit the mean and, for kind "bias", the item biases, items and users in turn; see `Bias` for the equations.

    Args:
        offsets: to be filled.
        train: training ratings.
        item_regularisation: imaginary ratings that pull an item's bias to 0.
        user_regularisation: the same for users.
        sweeps: how often to go over items and users.
    """
    if offsets.kind == "none":
        return
    user_sums, item_sums = _sums_of_ratings(train)
    mean = float(user_sums.sum() / max(1, len(train)))
    item_bias = np.zeros(train.num_items)
    if offsets.kind == "bias":
        user_bias = np.zeros(train.num_users)
        user_sums, item_sums = user_sums - mean * train.user_counts, item_sums - mean * train.item_counts
        user_weights = np.maximum(train.user_counts + user_regularisation, 1e-12)
        item_weights = np.maximum(train.item_counts + item_regularisation, 1e-12)
        for _ in range(sweeps):
            item_bias = (item_sums - _sums_over_items(train, user_bias)) / item_weights
            user_bias = (user_sums - _sums_over_users(train, item_bias)) / user_weights
    offsets.set(mean, item_bias)


class BiasFitter(OneStepFitter):
    """Fits the bias baseline in one step."""

    def __init__(self, model: BiasModel, train: Ratings, spec: Bias) -> None:
        self.model, self.train, self.spec = model, train, spec

    def solve(self) -> StepReport:
        """See `OneStepFitter.solve`."""
        fit_offsets(
            self.model.offsets,
            self.train,
            item_regularisation=self.spec.item_regularisation,
            user_regularisation=self.spec.user_regularisation,
            sweeps=self.spec.sweeps,
        )
        squared_error = 0.0
        for block in row_blocks(self.train.indptr):
            history = self.train.rows(np.arange(block.rows.start, block.rows.stop))
            errors = history.values - self.model.offsets.of_entries(history)
            squared_error += float(np.square(errors, dtype=np.float64).sum())
        return StepReport(squared_error, len(self.train))


def _sums_of_ratings(train: Ratings) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of the ratings of each user and of each item."""
    users, items = np.zeros(train.num_users), np.zeros(train.num_items)
    for block in row_blocks(train.indptr):
        values = train.values[block.places].astype(np.float64)
        users[block.rows] = np.bincount(block.row_of_rating, weights=values, minlength=len(block.counts))
        items += np.bincount(train.indices[block.places], weights=values, minlength=train.num_items)
    return users, items


def _sums_over_items(train: Ratings, user_bias: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each item the sum of the biases of those who rated it."""
    sums = np.zeros(train.num_items)
    for block in row_blocks(train.indptr):
        biases = np.repeat(user_bias[block.rows], block.counts)
        sums += np.bincount(train.indices[block.places], weights=biases, minlength=train.num_items)
    return sums


def _sums_over_users(train: Ratings, item_bias: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each user the sum of the biases of what they rated."""
    sums = np.empty(train.num_users)
    for block in row_blocks(train.indptr):
        biases = item_bias[train.indices[block.places]]
        sums[block.rows] = np.bincount(block.row_of_rating, weights=biases, minlength=len(block.counts))
    return sums
