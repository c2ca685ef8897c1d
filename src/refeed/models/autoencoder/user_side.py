"""The user side: a person's ratings in, their ratings of all items out; a new person needs no retraining."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.autoencoder.network import Network
from refeed.models.base import RatingModel, RowSource
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred, unique_pairs
from refeed.models.common.sparse_rows import SparseRows


class UserAutoEncoder(RatingModel):
    """prediction(u, i) = offset(u, i) + f(history of u - offsets)_i; U-AutoRec made deep.

    Args:
        network: f, over n columns.
        offsets: what is taken off the ratings first.
        num_users: users in training.
        num_items: n.
    """

    def __init__(self, network: Network, offsets: Offsets, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.network, self.offsets = network, offsets

    def training_source(self, train: Ratings) -> RowSource:
        """The rows that the network is trained on: users, offsets taken off, worked out for each batch."""
        return RowSource(train.user_counts, lambda users: self._inputs(train.rows(users)))

    def scorer(self) -> UserAutoEncoder:
        """See `RatingModel.scorer`: nothing is to be worked out."""
        return self

    @torch.no_grad()
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`; each asked row goes through the network once."""
        asked, places, place_of_pair = unique_pairs(rows, items, self.num_items, self.device)
        outputs = self.network.output_at(self._hidden(history.rows(asked)), places).numpy(force=True)
        return outputs[place_of_pair] + self.offsets.user_part(history)[rows] + self.offsets.item_part()[items]

    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        scores: npt.NDArray[np.float32] = self.network.output_dense(self._hidden(history)).numpy(force=True)
        scores += self.offsets.user_part(history)[:, None]
        scores += self.offsets.item_part()
        return scores

    def _hidden(self, history: History) -> torch.Tensor:
        return self.network.hidden_of_rows(SparseRows.from_history(self._inputs(history), self.device))

    def _inputs(self, history: History) -> History:
        return centred(history, self.offsets.of_entries(history))
