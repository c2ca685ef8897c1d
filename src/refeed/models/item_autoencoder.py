"""The item side: an item's ratings in, what every training user would give it out; people are folded in by least squares."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import RatingModel, RowSource
from refeed.models.fold_in import fold_in_vectors
from refeed.models.layers.sampled_linear import sampled_linear
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.network import Network
from refeed.models.offsets import Offsets
from refeed.models.user_autoencoder import asked_places, centred


class ItemAutoEncoder(RatingModel):
    """prediction(u, i) = offset(u, i) + f(item i's training ratings - offsets)_u; I-AutoRec made deep.

    The model keeps the training ratings, since they are its input. The last layer holds one vector w_u for each training
    user, so f(.)_u = a(h_i . w_u + b_u) with h_i the last hidden layer of item i. A person whose history differs from what
    was trained on (or who was not in training) gets a vector of their own by least squares over their history, pulled
    towards the trained one (towards the mean of all for a new person).

    Args:
        network: f, over one column for each training user.
        offsets: what is taken off the ratings first.
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
        """The rows that the network is trained on: items by users, offsets taken off."""
        self._remember(train.rows())
        rows = self._item_rows()
        return RowSource(rows.counts, rows.rows)

    @torch.no_grad()
    def predict_pairs(
        self, history: History, rows: npt.NDArray[np.int64], items: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """See `RatingModel.predict_pairs`."""
        asked, places, place_of_pair = asked_places(rows, items, self.num_items, self.device)
        codes = self._item_codes()
        vectors, biases = self._user_vectors(history.rows(asked), codes)
        sums = sampled_linear(vectors, codes, places) + biases[places.row_of_entry]
        outputs = self.network.last(sums).numpy(force=True)
        return outputs[place_of_pair] + self.offsets.user_part(history)[rows] + self.offsets.item_part()[items]

    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `RatingModel.score_rows`."""
        codes = self._item_codes()
        vectors, biases = self._user_vectors(history, codes)
        outputs = self.network.last(vectors @ codes.t() + biases[:, None]).numpy(force=True)
        scores: npt.NDArray[np.float32] = outputs + self.offsets.user_part(history)[:, None] + self.offsets.item_part()
        return scores

    def _trained_on(self) -> History:
        return History(
            indptr=self.train_indptr.numpy(force=True),
            indices=self.train_items.numpy(force=True),
            values=self.train_values.numpy(force=True),
            num_items=self.num_items,
            users=np.arange(self.num_users, dtype=np.int64),
        )

    def _item_codes(self) -> Tensor:
        """The last hidden layer of every item, (n, k)."""
        return self.network.hidden_of_rows(SparseRows.from_history(self._item_rows(), self.device))

    def _item_rows(self) -> History:
        trained_on = self._trained_on()
        return transposed(centred(trained_on, self.offsets.of_entries(trained_on)))

    def _user_vectors(self, history: History, codes: Tensor) -> tuple[Tensor, Tensor]:
        """One vector, (B, k), and bias, (B,), for each person of the history."""
        known = torch.from_numpy(history.users.clip(min=0)).to(codes.device)
        is_new = torch.from_numpy(history.users < 0).to(codes.device)
        weight, bias = self.network.last_weight, self.network.output_bias
        vectors = torch.where(is_new[:, None], weight.mean(0), weight[known])
        biases = torch.where(is_new, bias.mean(), bias[known])
        changed = np.flatnonzero(~same_rows(history, self._trained_on()))
        if len(changed):
            places = torch.from_numpy(changed).to(codes.device)
            residuals = centred(history, self.offsets.of_entries(history)).rows(changed)
            vectors[places] = fold_in_vectors(residuals, codes, vectors[places], biases[places], self.network.last)
        return vectors, biases


def transposed(history: History) -> History:
    """Items as rows: n rows over B columns; times are left out."""
    order = np.argsort(history.indices, kind="stable")
    indptr = np.zeros(history.num_items + 1, np.int64)
    np.cumsum(np.bincount(history.indices, minlength=history.num_items), out=indptr[1:])
    return History(
        indptr=indptr,
        indices=history.row_of_rating[order],
        values=history.values[order],
        num_items=len(history),
        users=np.arange(history.num_items, dtype=np.int64),
    )


def same_rows(history: History, trained_on: History) -> npt.NDArray[np.bool_]:
    """For each person, bool (B,): whether they were in training with exactly this history."""
    same = history.users >= 0
    counts = trained_on.counts[history.users.clip(min=0)]
    same &= counts == history.counts
    candidates = np.flatnonzero(same)
    mine, theirs = history.rows(candidates), trained_on.rows(history.users[candidates])
    differs = (mine.indices != theirs.indices) | (mine.values != theirs.values)
    same[candidates[np.unique(mine.row_of_rating[differs])]] = False
    return same
