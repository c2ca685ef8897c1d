"""The user side: a user's ratings in, their ratings of all items out; new users need no retraining."""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.row_source import RowSource
from refeed.models.base import RatingModel
from refeed.models.common.offset_scorer import OffsetScorer
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.sparse_rows import SparseRows


class UserAutoEncoder(RatingModel):
    """prediction(u, i) = offset(u, i) + f(history of u - offsets)_i; U-AutoRec made deep.

    Args:
        network: f, over n columns.
        offsets: subtracted from the ratings first.
        num_users: users in training.
        num_items: n.
    """

    def __init__(self, network: Network, offsets: Offsets, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.network, self.offsets = network, offsets

    def training_source(self, train: Ratings) -> RowSource:
        """The rows that the network is trained on: residuals of users, computed for each batch."""
        return RowSource(train.user_counts, lambda users: self._inputs(train.rows(users)))

    @override
    def scorer(self) -> UserScorer:
        return UserScorer(self.network, self.offsets, self.device)

    def _inputs(self, history: History) -> History:
        return centred(history, self.offsets.of_entries(history))


class UserScorer(OffsetScorer):
    """Predictions of `UserAutoEncoder`: each user's residuals go through the network."""

    def __init__(self, network: Network, offsets: Offsets, device: torch.device) -> None:
        super().__init__(offsets, device)
        self._network = network

    @override
    def outputs_at(self, history: History, entries: SparseRows) -> Tensor:
        return self._network.output_at(self._hidden(history), entries)

    @override
    def outputs(self, history: History) -> Tensor:
        return self._network.output_dense(self._hidden(history))

    def _hidden(self, history: History) -> Tensor:
        """The last hidden layer, (B, k)."""
        residuals = centred(history, self.offsets.of_entries(history))
        return self._network.hidden_of_rows(SparseRows.from_history(residuals, self.device))
