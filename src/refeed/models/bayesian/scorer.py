"""Predictions of the Bayesian factorisation: means over its draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, Scorer
from refeed.models.bayesian.draws import BayesianDraws
from refeed.models.bayesian.regression import FeatureTable, PaddedRows, Posterior, padded_rows
from refeed.models.bayesian.session_sums import SessionSums, put_by_row
from refeed.models.bayesian.sessions import SessionMeans, Sessions
from refeed.models.common.pairs import centred, unique_pairs
from refeed.models.common.row_groups import for_each_group
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_linear import sum_of_rows

NOISE_ROUNDS = 3  # alternations of estimating a user's noise and vector
HIGHEST_PRECISION = 1e4  # of noise: a standard deviation of 1% of that of the ratings, so that float32 is enough


@dataclass(frozen=True, eq=False)
class UserSide:
    """What S draws say of B users.

    Attributes:
        factors: of all draws side by side, (B, S k).
        biases: mean over the draws, (B,).
        users: int64 (B,), their indices in training.
        is_folded_in: bool (B,), whether they were not in training with this history.
        sessions: expected effects of the sessions of those who are folded in, in their order; None without sessions.
    """

    factors: Tensor
    biases: Tensor
    users: Integers
    is_folded_in: npt.NDArray[np.bool_]
    sessions: SessionMeans | None


class BayesianScorer(Scorer):
    """Predictions of `BayesianFactorisation`: means over the draws.

    Args:
        model: with at least one draw.
    """

    @torch.no_grad()
    def __init__(self, model: BayesianDraws) -> None:
        self._model = model
        factors = model.items[..., :-1].float() / max(1, model.num_samples)
        self._item_factors = factors.flatten(1)  # n x (S k)
        self._item_bias = model.items[..., -1].mean(1, dtype=torch.float32)  # n

    @override
    @torch.no_grad()
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        requested, entries, entry_of_pair = unique_pairs(rows, items, history.num_items, self._model.device)
        users = self._user_side(history.rows(requested))
        sums = sampled_linear(users.factors, self._item_factors, entries)
        sums += users.biases[entries.row_of_entry] + self._item_bias[entries.columns]
        predicted = self._as_ratings(sums)[entry_of_pair]
        if times is not None and self._model.session_seconds is not None:
            effects = self._session_effects(users, np.searchsorted(requested, rows), times)
            predicted += np.float32(self._model.deviation.item()) * effects
        return predicted

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        users = self._user_side(history)
        scores = torch.addmm(self._item_bias, users.factors, self._item_factors.t()) + users.biases[:, None]
        return self._as_ratings(scores)

    def _as_ratings(self, standardised: Tensor) -> Floats:
        model = self._model
        ratings: Floats = (model.mean + model.deviation * standardised).numpy(force=True)
        return ratings

    def _user_side(self, history: History) -> UserSide:
        """The kept vectors of users who were in training with this history; the others are folded in."""
        model = self._model
        known = torch.from_numpy(history.users.clip(min=0)).to(model.device)
        vectors = model.users[known].float()  # B x S x d
        is_new = (history.users < 0) | (model.digests[known].numpy(force=True) != model.digests_of(history))
        new = np.flatnonzero(is_new)
        sessions = None
        if len(new):
            vectors[torch.from_numpy(new).to(model.device)], sessions = self._fold_in(history.rows(new))
        return UserSide(vectors[..., :-1].flatten(1), vectors[..., -1].mean(1), history.users, is_new, sessions)

    def _fold_in(self, history: History) -> tuple[Tensor, SessionMeans | None]:
        """The posterior means of the users' vectors for each draw, (B, S, d), and of the effects of their sessions."""
        model, sessions = self._model, self._sessions_of(history)
        indptr = np.zeros(len(history) + 1, np.int64) if sessions is None else sessions.indptr
        first, counts = (torch.from_numpy(array).to(model.device) for array in (indptr[:-1], np.diff(indptr)))
        prior_means = model.prior_mean[:, None] + choices_of(history, model.choice_loadings) @ model.choice_weights  # S x B x d
        vectors = prior_means.new_empty(len(history), *prior_means.shape[::2])  # B x S x d
        effects = prior_means.new_zeros(int(indptr[-1]), 1)

        def work(group: PaddedRows) -> None:
            posterior, by_session = self._posterior(group, prior_means[:, group.rows])
            means = posterior.mean()
            vectors[group.rows] = means.transpose(0, 1)
            if by_session is not None:
                put_by_row(effects, by_session.expected(means[..., None]).mean(0), first[group.rows], counts[group.rows])

        width = self._table.samples * self._table.width
        in_order, numbers = (history, None) if sessions is None else sessions.in_order(history)
        groups = padded_rows(self._standardised(in_order), model.device, width=width, sessions=numbers)
        for_each_group(work, groups, device=model.device)
        return vectors, None if sessions is None else SessionMeans(sessions, effects[:, 0].numpy(force=True))

    def _posterior(self, group: PaddedRows, prior_means: Tensor) -> tuple[Posterior, SessionSums | None]:
        """Of the vectors of g users for each draw, (S, g, d), given the prior means; and the sums over their sessions."""
        model, common = self._model, self._model.noise_precision[:, None]
        products, by_session = self._table.products_of(group, model.session_variance)
        prior = (prior_means, model.prior_precision[:, None])
        posterior = Posterior(products, *prior, common.expand(-1, len(group.rows)))
        if (strength := model.noise_strength) is not None:
            for _ in range(NOISE_ROUNDS):
                errors = posterior.expected_squared_errors()
                noise = ((strength + group.counts) / (strength / common + errors)).clamp(max=HIGHEST_PRECISION)  # S x g
                posterior = Posterior(products, *prior, noise)
        return posterior, by_session

    def _session_effects(self, users: UserSide, rows: Integers, times: Integers) -> Floats:
        """Expected effects of the sessions of P pairs, float32 (P,), given the users' rows; 0 where there is none then."""
        effects, is_folded_in = np.zeros(len(rows), np.float32), users.is_folded_in[rows]
        effects[~is_folded_in] = self._training_sessions.at(users.users[rows[~is_folded_in]], times[~is_folded_in])
        if users.sessions is not None:
            row_of_folded_in = np.cumsum(users.is_folded_in) - 1
            effects[is_folded_in] = users.sessions.at(row_of_folded_in[rows[is_folded_in]], times[is_folded_in])
        return effects

    def _sessions_of(self, history: History) -> Sessions | None:
        """The sessions of the history; None where the model has none, or the history has no times."""
        seconds = self._model.session_seconds
        return None if seconds is None or history.timestamps is None else Sessions.of(history, seconds)

    @cached_property
    def _training_sessions(self) -> SessionMeans:
        """Of the training users with their training histories."""
        model = self._model
        assert model.session_seconds is not None
        tensors = (model.session_indptr, model.session_periods, model.session_means)
        indptr, periods, means = (tensor.numpy(force=True) for tensor in tensors)
        return SessionMeans(Sessions(indptr, periods, model.session_seconds), means)

    @cached_property
    def _table(self) -> FeatureTable:
        model = self._model
        return FeatureTable(model.items.float().transpose(0, 1), model.item_weights.t())

    def _standardised(self, history: History) -> History:
        return standardised(history, self._model.mean.item(), self._model.deviation.item())


def standardised(history: History, mean: float, deviation: float) -> History:
    """The history with standardised ratings: less the mean, over the standard deviation (0 where that is 0)."""
    result = centred(history, np.full(history.num_ratings, mean, np.float32))
    result.values[:] *= 1.0 / deviation if deviation else 0.0
    return result


def choices_of(history: History, loadings: Tensor) -> Tensor:
    """s: features of the set of items that each user rated, (B, f): the sum of their loadings, (n, f), over sqrt(number)."""
    counts = torch.from_numpy(history.counts).to(loadings)
    columns = torch.from_numpy(history.indices).to(loadings.device)
    pointers = torch.from_numpy(history.indptr).to(loadings.device)
    sums = sum_of_rows(columns, loadings, pointers, torch.ones(len(columns), device=loadings.device))
    return sums / counts.clamp(min=1.0).sqrt()[:, None]
