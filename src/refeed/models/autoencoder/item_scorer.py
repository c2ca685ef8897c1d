"""Answers of the item side, with the code of every item worked out once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.data.row_blocks import pointers
from refeed.models.autoencoder.fold_in import fold_in_vectors
from refeed.models.autoencoder.network import Network
from refeed.models.common.offset_scorer import OffsetScorer
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows

LEAST_NOISE = 1e-3  # of what vectors explain: so much is taken for chance even where training left no error


class ItemScorer(OffsetScorer):
    """Predictions of `ItemAutoEncoder`.

    Args:
        network: over one column for each training user.
        offsets: what was taken off the ratings first.
        trained_on: the training ratings.
        device: where the network lies.
    """

    @torch.no_grad()
    def __init__(self, network: Network, offsets: Offsets, trained_on: History, device: torch.device) -> None:
        super().__init__(offsets, device)
        self._network, self._trained_on = network, trained_on
        self.codes = network.hidden_of_rows(SparseRows.from_history(item_rows(trained_on, offsets), device))  # n x k
        self._new_vector, self._new_bias = network.last_weight.mean(0), network.output_bias.mean()

    @override
    def outputs_at(self, history: History, entries: SparseRows) -> Tensor:
        vectors, biases = self._user_vectors(history)
        return self._network.last(sampled_linear(vectors, self.codes, entries) + biases[entries.row_of_entry])

    @override
    def outputs(self, history: History) -> Tensor:
        vectors, biases = self._user_vectors(history)
        return self._network.last(vectors @ self.codes.t() + biases[:, None])

    def _user_vectors(self, history: History) -> tuple[Tensor, Tensor]:
        """One vector, (B, k), and bias, (B,), for each person of the history."""
        known = torch.from_numpy(history.users.clip(min=0)).to(self.codes.device)
        is_new = torch.from_numpy(history.users < 0).to(self.codes.device)
        vectors = torch.where(is_new[:, None], self._new_vector, self._network.last_weight[known])
        biases = torch.where(is_new, self._new_bias, self._network.output_bias[known])
        changed = np.flatnonzero(~same_rows(history, self._trained_on))
        if len(changed):
            places = torch.from_numpy(changed).to(self.codes.device)
            residuals = centred(history, self.offsets.of_entries(history)).rows(changed)
            spread, noise = self.trained_vectors
            vectors[places] = fold_in_vectors(
                residuals, self.codes, vectors[places], biases[places], self._network.last, spread=spread, noise=noise
            )
        return vectors, biases

    @cached_property
    @torch.no_grad()
    def trained_vectors(self) -> tuple[Tensor, float]:
        """What training taught about people: a root S, (k, k), of the covariance S S^T of their vectors, and the mean squared
        error that is left with them.
        """
        weight = self._network.last_weight
        deviations = weight - self._new_vector
        eigenvalues, eigenvectors = torch.linalg.eigh(deviations.t() @ deviations / len(weight))
        spread = eigenvectors * eigenvalues.clamp(min=0).sqrt()
        places = SparseRows.from_history(self._trained_on, self.codes.device)
        sums = sampled_linear(weight, self.codes, places) + self._network.output_bias[places.row_of_entry]
        offsets = torch.from_numpy(self.offsets.of_entries(self._trained_on)).to(self.codes.device)
        errors = (self._network.last(sums) + offsets - places.values).square().mean()
        explained = (self.codes @ spread).square().sum(1).mean()  # variance of the sums of a person
        return spread, max(float(errors), LEAST_NOISE * float(explained), 1e-12)


def item_rows(trained_on: History, offsets: Offsets) -> History:
    """What goes into the network: the training ratings of each item, offsets taken off."""
    return transposed(centred(trained_on, offsets.of_entries(trained_on)))


def transposed(history: History) -> History:
    """Items as rows: n rows over B columns; times are left out."""
    order = np.argsort(history.indices, kind="stable")
    return History(
        indptr=pointers(np.bincount(history.indices, minlength=history.num_items)),
        indices=history.row_of_rating[order],
        values=history.values[order],
        num_items=len(history),
        users=np.arange(history.num_items, dtype=np.int64),
    )


def same_rows(history: History, trained_on: History) -> npt.NDArray[np.bool_]:
    """For each person, bool (B,): whether they were in training with exactly this history."""
    same = history.users >= 0
    known = history.users.clip(min=0)
    same &= trained_on.indptr[known + 1] - trained_on.indptr[known] == history.counts
    candidates = np.flatnonzero(same)
    mine, theirs = history.rows(candidates), trained_on.rows(history.users[candidates])
    differs = (mine.indices != theirs.indices) | (mine.values != theirs.values)
    same[candidates[np.unique(mine.row_of_rating[differs])]] = False
    return same
