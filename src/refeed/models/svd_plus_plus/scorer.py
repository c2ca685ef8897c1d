"""Predictions of SVD++: each user's side is solved for from their history."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, Scorer
from refeed.models.common.pairs import unique_pairs
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.svd_plus_plus.item_side import ItemSide
from refeed.models.svd_plus_plus.time_terms import deviation


@dataclass(frozen=True, eq=False)
class UserSide:
    """The solution for B users.

    Attributes:
        vectors: p_u, (B, k).
        bias: b_u, (B,).
        drift: alpha_u, (B,); zeros without time.
        at_ratings: b_u + alpha_u dev_u(t) at each rating of their history, (nnz,).
    """

    vectors: Tensor
    bias: Tensor
    drift: Tensor
    at_ratings: Tensor


class SvdPlusPlusScorer(Scorer):
    """Predictions of `SvdPlusPlus`."""

    @torch.no_grad()
    def __init__(self, model: ItemSide) -> None:
        self._model = model
        self._solver = RidgeSolver(model.item_factors, intercept=True)

    @torch.no_grad()
    def solve_users(self, history: History, rows: SparseRows, implicit: Tensor) -> UserSide:
        """Solve for p_u, b_u and alpha_u by ridge regression on the history.

        Args:
            history: B users.
            rows: the same, on the device.
            implicit: the implicit part of their vectors, (B, k); see `ItemSide.implicit_sums`.
        """
        model, terms = self._model, self._model.time
        residuals = rows.values - model.item_part(rows.columns, model.times_of(history))
        residuals = residuals - sampled_linear(implicit, model.item_factors, rows)
        solved = self._solve(history, residuals)
        if terms is None:
            return UserSide(solved[:, :-1], solved[:, -1], solved.new_zeros(len(rows)), solved[:, -1][rows.row_of_entry])
        deviations = deviation(terms.times_of(history), terms.middle(history)[history.row_of_rating])
        deviations_u = torch.from_numpy(deviations).to(residuals.device)
        drift, solved = self._with_drift(history, rows, residuals, solved, deviations_u)
        at_ratings = solved[:, -1][rows.row_of_entry] + drift[rows.row_of_entry] * deviations_u
        return UserSide(solved[:, :-1], solved[:, -1], drift, at_ratings)

    def _solve(self, history: History, targets: Tensor) -> Tensor:
        """The ridge regression of the targets, (nnz,), on the item factors and a 1: (B, k + 1)."""
        penalties = np.full(len(history), self._model.regularisation)
        return self._solver.solve(replace(history, values=targets.numpy(force=True)), penalties)

    def _with_drift(
        self, history: History, rows: SparseRows, residuals: Tensor, solved: Tensor, deviations: Tensor
    ) -> tuple[Tensor, Tensor]:
        """alpha_u, (B,), and the solution beside it, (B, k + 1).

        Partialling out (Frisch & Waugh): the residuals of the ratings after the regression `solved` are regressed on the
        residuals of dev_u(t), (nnz,), after the same regression.
        """
        explained = self._solve(history, deviations)
        numerator = _row_sums(rows, deviations * (residuals - self._fitted(rows, solved)))
        denominator = _row_sums(rows, deviations * (deviations - self._fitted(rows, explained))) + self._model.regularisation
        drift = numerator / denominator
        return drift, solved - drift[:, None] * explained

    def _fitted(self, rows: SparseRows, solved: Tensor) -> Tensor:
        """The regression at each rating, (nnz,)."""
        vectors = solved[:, :-1].contiguous()
        return sampled_linear(vectors, self._model.item_factors, rows) + solved[:, -1][rows.row_of_entry]

    @override
    @torch.no_grad()
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        model = self._model
        users, entries, entry_of_pair = unique_pairs(rows, items, history.num_items, model.device)
        requested = history.rows(users)
        vectors, solved = self._vectors(requested)
        user_part, times = self._user_part(requested, solved, np.searchsorted(users, rows), times)
        outputs = sampled_linear(vectors, model.item_factors, entries).numpy(force=True)[entry_of_pair]
        item_part = model.item_part(torch.from_numpy(items).to(model.device), times).numpy(force=True)
        return np.asarray(outputs + user_part + item_part, np.float32)

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        model = self._model
        vectors, solved = self._vectors(history)
        user_part, times = self._user_part(history, solved, np.arange(len(history)), None)
        scores: Floats = (vectors @ model.item_factors.t()).numpy(force=True)
        scores += user_part[:, None]
        scores += (model.mean + model.item_bias).numpy(force=True)
        if model.time is not None and times is not None:
            scores += model.time.item_bias.t()[model.time.bins(times)].numpy(force=True)
        return scores

    def _vectors(self, history: History) -> tuple[Tensor, UserSide]:
        """p_u and the implicit part together, (B, k), and the solution for the users."""
        rows = SparseRows.from_history(history, self._model.device)
        implicit = self._model.implicit_sums(rows)
        solved = self.solve_users(history, rows, implicit)
        return solved.vectors + implicit, solved

    def _user_part(
        self, history: History, solved: UserSide, rows: Integers, times: Integers | None
    ) -> tuple[Floats, Integers | None]:
        """b_u with its drift for each pair, float32 (P,), given the users' rows, and the times that it is for."""
        bias, terms = solved.bias.numpy(force=True)[rows], self._model.time
        if terms is None:
            return bias, None
        times = terms.latest(history)[rows] if times is None else times
        return bias + solved.drift.numpy(force=True)[rows] * deviation(times, terms.middle(history)[rows]), times


def _row_sums(rows: SparseRows, entries: Tensor) -> Tensor:
    """Sums of the entries, (nnz,), of each row, (B,)."""
    return entries.new_zeros(len(rows)).index_add_(0, rows.row_of_entry, entries)
