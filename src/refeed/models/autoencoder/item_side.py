"""The item side: an item's ratings in, the ratings of all training users for it out; other users are folded in."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.autoencoder.item_scorer import ItemScorer, item_rows
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.row_source import RowSource
from refeed.models.base import RatingModel
from refeed.models.common.offsets import Offsets


class ItemAutoEncoder(RatingModel):
    """prediction(u, i) = offset(u, i) + f(item i's training ratings - offsets)_u; I-AutoRec made deep.

    The model keeps the training ratings, since they are its input. The last layer has one vector w_u for each training user,
    f(.)_u = a(h_i . w_u + b_u) with h_i the last hidden layer of item i. A user whose history differs from the one trained on
    (or who was not in training) is folded in: their vector is the maximum a posteriori estimate given their history, with a
    Gaussian prior around the trained vector (the mean of all for a new user) of the covariance of the trained vectors, and
    noise of the training error. The first layer has no column for new users, so the items' rows do not change after training.

    Args:
        network: f, over one column for each training user.
        offsets: subtracted from the ratings first.
        num_users: users in training.
        num_items: n.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = ("train_items", "train_values")

    train_indptr: Tensor
    train_items: Tensor
    train_values: Tensor

    def __init__(self, network: Network, offsets: Offsets, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.network, self.offsets = network, offsets
        self.register_buffer("train_indptr", torch.zeros(num_users + 1, dtype=torch.int64))
        self.register_buffer("train_items", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("train_values", torch.zeros(0, dtype=torch.float32))

    def _remember(self, history: History) -> None:
        self.train_indptr = torch.from_numpy(history.indptr).to(self.device)
        self.train_items = torch.from_numpy(history.indices).to(self.device)
        self.train_values = torch.from_numpy(history.values).to(self.device)

    def training_source(self, train: Ratings) -> RowSource:
        """The rows that the network is trained on: residuals of items over users."""
        self._remember(train.rows())
        rows = item_rows(self._trained_on(), self.offsets)
        return RowSource(rows.counts, rows.rows)

    @override
    def scorer(self) -> ItemScorer:
        """Compute the codes of all items, each by a pass over the item's training ratings."""
        return ItemScorer(self.network, self.offsets, self._trained_on(), self.device)

    def _trained_on(self) -> History:
        return History(
            indptr=self.train_indptr.numpy(force=True),
            indices=self.train_items.numpy(force=True),
            values=self.train_values.numpy(force=True),
            num_items=self.num_items,
            users=np.arange(self.num_users, dtype=np.int64),
        )
