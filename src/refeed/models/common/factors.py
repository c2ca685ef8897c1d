"""What factor models share: a vector and a bias for each user and item, and fold-in of new users by ridge regression."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks
from refeed.models.base import Floats, Integers, RatingModel, Scorer
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred, unique_pairs
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.row_digests import row_digests
from refeed.models.common.sampled_linear import sampled_linear

INITIAL_DEVIATION = 0.1  # standard deviation of the normal numbers that factors start from


class FactorModel(RatingModel):
    """prediction(u, i) = offset(u, i) + p_u . q_i (+ b_u + c_i where biased).

    A user whose history is the one trained on has the trained vector. All others are folded in: p_u (and b_u) minimises
    sum_i (r_ui - offset - c_i - p_u . q_i - b_u)^2 + penalty * (|p_u|^2 + b_u^2) over the history, a ridge regression on the
    items' vectors; see `ridge_penalties`.

    Args:
        num_users: m.
        num_items: n.
        factors: k, numbers in a vector.
        biased: whether users and items have biases beside their vectors.
        offsets: subtracted from the ratings first.
        regularisation: of the ridge regression, above 0.
        weighted: whether the penalty is `regularisation` times the user's number of ratings, or just `regularisation`.
        seed: of the initial factors.
    """

    regularisation: Tensor
    digests: Tensor

    def __init__(
        self,
        num_users: int,
        num_items: int,
        *,
        factors: int,
        biased: bool,
        offsets: Offsets,
        regularisation: float,
        weighted: bool,
        seed: int,
    ) -> None:
        super().__init__(num_users, num_items)
        self.offsets, self.biased, self.weighted = offsets, biased, weighted
        generator = torch.Generator().manual_seed(seed)
        self.user_factors = _initial_factors(num_users, factors, generator)  # p: m x k
        self.item_factors = _initial_factors(num_items, factors, generator)  # q: n x k
        self.user_bias = nn.Parameter(torch.zeros(num_users)) if biased else None  # b: m
        self.item_bias = nn.Parameter(torch.zeros(num_items)) if biased else None  # c: n
        self.register_buffer("regularisation", torch.tensor(regularisation, dtype=torch.float32))
        self.register_buffer("digests", torch.zeros(num_users, dtype=torch.int64))

    @torch.no_grad()
    def begin_training(self, train: Ratings) -> Floats:
        """Remember the histories of the users; the factors of users and items without ratings become 0.

        Returns:
            the user's part of the offsets, float32 (m,).
        """
        user_offsets = np.empty(self.num_users, np.float32)
        for block in row_blocks(train.indptr):
            history = train.rows(np.arange(block.rows.start, block.rows.stop))
            user_offsets[block.rows] = self.offsets.user_part(history)
            self.digests[block.rows] = torch.from_numpy(row_digests(history)).to(self.device)
        self.user_factors[torch.from_numpy(train.user_counts == 0)] = 0.0
        self.item_factors[torch.from_numpy(train.item_counts == 0)] = 0.0
        return user_offsets

    @override
    def scorer(self) -> FactorScorer:
        return FactorScorer(self)


class FactorScorer(Scorer):
    """Predictions of a `FactorModel`."""

    @torch.no_grad()
    def __init__(self, model: FactorModel) -> None:
        self._model = model
        self._solver = RidgeSolver(model.item_factors, intercept=model.biased)

    @override
    @torch.no_grad()
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        users, entries, entry_of_pair = unique_pairs(rows, items, history.num_items, self._model.device)
        requested = history.rows(users)
        vectors, biases = self._user_vectors(requested)
        outputs: Floats = sampled_linear(vectors, self._model.item_factors, entries).numpy(force=True)
        user_part = self._model.offsets.user_part(requested) + biases.numpy(force=True)
        user_of_pair = np.searchsorted(users, rows)
        predictions: Floats = outputs[entry_of_pair] + user_part[user_of_pair] + self._item_part()[items]
        return predictions

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        vectors, biases = self._user_vectors(history)
        scores: Floats = (vectors @ self._model.item_factors.t()).numpy(force=True)
        scores += (self._model.offsets.user_part(history) + biases.numpy(force=True))[:, None]
        scores += self._item_part()
        return scores

    def _item_part(self) -> Floats:
        """The item's part of the offsets, with its bias, float32 (n,)."""
        part = self._model.offsets.item_part()
        if self._model.item_bias is None:
            return part
        return np.asarray(part + self._model.item_bias.numpy(force=True), np.float32)

    def _user_vectors(self, history: History) -> tuple[Tensor, Tensor]:
        """The vectors, (B, k), and biases, (B,), of the users of the history."""
        model = self._model
        known = torch.from_numpy(history.users.clip(min=0)).to(model.device)
        vectors = model.user_factors[known]
        biases = vectors.new_zeros(len(history)) if model.user_bias is None else model.user_bias[known]
        changed = np.flatnonzero((history.users < 0) | (model.digests[known].numpy(force=True) != row_digests(history)))
        if len(changed):
            solved = self._fold_in(history.rows(changed))
            index = torch.from_numpy(changed).to(model.device)
            vectors[index] = solved[:, : vectors.shape[1]]
            biases[index] = solved[:, vectors.shape[1] :].sum(1)  # one column, or none
        return vectors, biases

    def _fold_in(self, history: History) -> Tensor:
        """p_u and, where biased, b_u of each user, by ridge regression, (B, k) or (B, k + 1)."""
        model = self._model
        offsets = model.offsets.user_part(history)[history.row_of_rating] + self._item_part()[history.indices]
        penalties = ridge_penalties(model.regularisation.item(), history.counts, weighted=model.weighted)
        return self._solver.solve(centred(history, offsets), penalties)


def ridge_penalties(regularisation: float, counts: Integers, *, weighted: bool) -> npt.NDArray[np.float64]:
    """The penalty of each row, float64 (B,): `regularisation`, weighted times the row's number of ratings.

    Weighted is the "weighted-lambda-regularisation" of Zhou et al. (2008), section 3.2.
    """
    return regularisation * (np.maximum(counts, 1.0) if weighted else np.ones(len(counts)))


def rating_spread(train: Ratings) -> float:
    """Standard deviation of the ratings, 1 where they are all equal: the unit of penalties and learning rates."""
    total = squares = 0.0
    for block in row_blocks(train.indptr):
        values = train.values[block.entries].astype(np.float64)
        total, squares = total + values.sum(), squares + np.square(values).sum()
    count = max(1, len(train))
    variance = squares / count - (total / count) ** 2
    return math.sqrt(variance) if variance > 1e-9 * squares / count else 1.0


def _initial_factors(rows: int, factors: int, generator: torch.Generator) -> nn.Parameter:
    return nn.Parameter(nn.init.normal_(torch.empty(rows, factors), std=INITIAL_DEVIATION, generator=generator))
