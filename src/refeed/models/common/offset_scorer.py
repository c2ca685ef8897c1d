"""Predictions of models whose outputs are added to the offsets."""

from __future__ import annotations

import abc

import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, Scorer
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import unique_pairs
from refeed.models.common.sparse_rows import SparseRows


class OffsetScorer(Scorer):
    """prediction(u, i) = offset(u, i) + output(history of u)_i; a subclass computes the outputs.

    Args:
        offsets: subtracted from the ratings before training.
        device: of the model.
    """

    def __init__(self, offsets: Offsets, device: torch.device) -> None:
        self.offsets, self.device = offsets, device

    @abc.abstractmethod
    def outputs_at(self, history: History, entries: SparseRows) -> Tensor:
        """Outputs at the entries (row of the history, item), (nnz of the entries,)."""

    @abc.abstractmethod
    def outputs(self, history: History) -> Tensor:
        """Outputs of all items, a new (B, n)."""

    @override
    @torch.no_grad()
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        users, entries, entry_of_pair = unique_pairs(rows, items, history.num_items, self.device)
        outputs = self.outputs_at(history.rows(users), entries).numpy(force=True)
        return outputs[entry_of_pair] + self.offsets.user_part(history)[rows] + self.offsets.item_part()[items]

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        scores: Floats = self.outputs(history).numpy(force=True)
        scores += self.offsets.user_part(history)[:, None]
        scores += self.offsets.item_part()
        return scores
