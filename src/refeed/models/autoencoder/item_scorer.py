"""Predictions of the item side, with the codes of all items computed once."""

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

LEAST_NOISE = 1e-3  # lower bound of the noise, as a share of the variance that the vectors explain


class ItemScorer(OffsetScorer):
    """Predictions of `ItemAutoEncoder`.

    Args:
        network: over one column for each training user.
        offsets: subtracted from the ratings first.
        trained_on: the training ratings.
        device: of the network.
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
        """The vectors, (B, k), and biases, (B,), of the users of the history."""
        known = torch.from_numpy(history.users.clip(min=0)).to(self.codes.device)
        is_new = torch.from_numpy(history.users < 0).to(self.codes.device)
        vectors = torch.where(is_new[:, None], self._new_vector, self._network.last_weight[known])
        biases = torch.where(is_new, self._new_bias, self._network.output_bias[known])
        changed = np.flatnonzero(~same_rows(history, self._trained_on))
        if len(changed):
            index = torch.from_numpy(changed).to(self.codes.device)
            residuals = centred(history, self.offsets.of_entries(history)).rows(changed)
            spread, noise = self.trained_vectors
            vectors[index] = fold_in_vectors(
                residuals, self.codes, vectors[index], biases[index], self._network.last, spread=spread, noise=noise
            )
        return vectors, biases

    @cached_property
    @torch.no_grad()
    def trained_vectors(self) -> tuple[Tensor, float]:
        """A root S, (k, k), of the covariance S S^T of the trained vectors, and the mean squared error of training."""
        weight = self._network.last_weight
        deviations = weight - self._new_vector
        eigenvalues, eigenvectors = torch.linalg.eigh(deviations.t() @ deviations / len(weight))
        spread = eigenvectors * eigenvalues.clamp(min=0).sqrt()
        ratings = SparseRows.from_history(self._trained_on, self.codes.device)
        sums = sampled_linear(weight, self.codes, ratings) + self._network.output_bias[ratings.row_of_entry]
        offsets = torch.from_numpy(self.offsets.of_entries(self._trained_on)).to(self.codes.device)
        errors = (self._network.last(sums) + offsets - ratings.values).square().mean()
        explained = (self.codes @ spread).square().sum(1).mean()  # variance of a user's sums
        return spread, max(float(errors), LEAST_NOISE * float(explained), 1e-12)


def item_rows(trained_on: History, offsets: Offsets) -> History:
    """The input of the network: the residuals of the training ratings of each item."""
    return transposed(centred(trained_on, offsets.of_entries(trained_on)))


def transposed(history: History) -> History:
    """The items as rows: n rows over B columns, without times."""
    order = np.argsort(history.indices, kind="stable")
    return History(
        indptr=pointers(np.bincount(history.indices, minlength=history.num_items)),
        indices=history.row_of_rating[order],
        values=history.values[order],
        num_items=len(history),
        users=np.arange(history.num_items, dtype=np.int64),
    )


def same_rows(history: History, trained_on: History) -> npt.NDArray[np.bool_]:
    """Whether each user was in training with exactly this history, bool (B,)."""
    same = history.users >= 0
    known = history.users.clip(min=0)
    same &= trained_on.indptr[known + 1] - trained_on.indptr[known] == history.counts
    candidates = np.flatnonzero(same)
    given, trained = history.rows(candidates), trained_on.rows(history.users[candidates])
    differs = (given.indices != trained.indices) | (given.values != trained.values)
    same[candidates[np.unique(given.row_of_rating[differs])]] = False
    return same
