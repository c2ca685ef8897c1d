"""What is subtracted from a rating before a model sees it: nothing, the mean, or the mean and user and item biases."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks

OffsetKind = Literal["none", "mean", "bias"]


class Offsets(nn.Module):
    """offset(u, i) = mean + item_bias[i] + user_bias(history of u).

    The user's part is computed from the history alone, so that new users have one too: the sum of
    (rating - mean - item_bias) over the history, divided by (number of ratings + user_damping).

    Args:
        kind: "none" (all 0), "mean" (the training mean only) or "bias".
        num_items: n.
        item_damping: pseudo-counts that shrink an item's bias to 0, at least 0.
        user_damping: the same for a user's bias.
    """

    mean: Tensor
    item_bias: Tensor

    def __init__(self, kind: OffsetKind, num_items: int, *, item_damping: float, user_damping: float) -> None:
        super().__init__()
        self.kind = kind
        self.item_damping, self.user_damping = item_damping, user_damping
        self.register_buffer("mean", torch.zeros((), dtype=torch.float32))
        self.register_buffer("item_bias", torch.zeros(num_items, dtype=torch.float32))

    def fit(self, train: Ratings, *, sweeps: int = 10) -> None:
        """Fit the mean and, for kind "bias", the item biases, items and users in turn; see `Bias` for the equations.

        Args:
            train: training ratings.
            sweeps: passes over items and users.
        """
        if self.kind == "none":
            return
        user_sums, item_sums = rating_sums(train)
        mean = float(user_sums.sum() / max(1, len(train)))
        item_bias = np.zeros(train.num_items)
        if self.kind == "bias":
            user_bias = np.zeros(train.num_users)
            user_sums, item_sums = user_sums - mean * train.user_counts, item_sums - mean * train.item_counts
            user_weights = np.maximum(train.user_counts + self.user_damping, 1e-12)
            item_weights = np.maximum(train.item_counts + self.item_damping, 1e-12)
            for _ in range(sweeps):
                item_bias = (item_sums - _sums_over_items(train, user_bias)) / item_weights
                user_bias = (user_sums - _sums_over_users(train, item_bias)) / user_weights
        self.set(mean, item_bias)

    def set(self, mean: float, item_bias: npt.NDArray[np.floating]) -> None:
        """Set the mean and the item biases, (n,)."""
        self.mean.fill_(mean)
        self.item_bias.copy_(torch.from_numpy(item_bias.astype(np.float32)))

    def user_part(self, history: History) -> npt.NDArray[np.float32]:
        """mean + user bias of each user of the history, float32 (B,)."""
        mean = self.mean.item()
        if self.kind != "bias":
            return np.full(len(history), mean, np.float32)
        residuals = history.values - mean - self.item_part()[history.indices]
        sums = np.bincount(history.row_of_rating, weights=residuals, minlength=len(history))
        divisor = np.maximum(history.counts + self.user_damping, 1e-12)
        return np.asarray(mean + sums / divisor, np.float32)

    def item_part(self) -> npt.NDArray[np.float32]:
        """item_bias, float32 (n,)."""
        return self.item_bias.numpy(force=True)

    def of_entries(self, history: History) -> npt.NDArray[np.float32]:
        """The offset at each rating of the history, float32 (nnz,)."""
        return self.user_part(history)[history.row_of_rating] + self.item_part()[history.indices]

    def squared_error(self, train: Ratings) -> float:
        """Sum of the squared differences between the training ratings and their offsets."""
        total = 0.0
        for block in row_blocks(train.indptr):
            history = train.rows(np.arange(block.rows.start, block.rows.stop))
            total += float(np.square(history.values - self.of_entries(history), dtype=np.float64).sum())
        return total


def rating_sums(train: Ratings) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sums of the ratings of each user, float64 (m,), and of each item, float64 (n,)."""
    users, items = np.zeros(train.num_users), np.zeros(train.num_items)
    for block in row_blocks(train.indptr):
        values = train.values[block.entries].astype(np.float64)
        users[block.rows] = np.bincount(block.row_of_rating, weights=values, minlength=len(block.counts))
        items += np.bincount(train.indices[block.entries], weights=values, minlength=train.num_items)
    return users, items


def _sums_over_items(train: Ratings, user_bias: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums of the biases of the users who rated each item, float64 (n,)."""
    sums = np.zeros(train.num_items)
    for block in row_blocks(train.indptr):
        biases = np.repeat(user_bias[block.rows], block.counts)
        sums += np.bincount(train.indices[block.entries], weights=biases, minlength=train.num_items)
    return sums


def _sums_over_users(train: Ratings, item_bias: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums of the biases of the items that each user rated, float64 (m,)."""
    sums = np.empty(train.num_users)
    for block in row_blocks(train.indptr):
        biases = item_bias[train.indices[block.entries]]
        sums[block.rows] = np.bincount(block.row_of_rating, weights=biases, minlength=len(block.counts))
    return sums
