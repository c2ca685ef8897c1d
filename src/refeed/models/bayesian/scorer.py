"""Answers of the Bayesian factorisation: means and standard deviations over its draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Scorer
from refeed.models.bayesian.draws import BayesianDraws
from refeed.models.bayesian.regression import FeatureTable, PaddedRows, Posterior, padded_rows
from refeed.models.bayesian.session_sums import SessionSums, put_by_row
from refeed.models.bayesian.sessions import SessionMeans, Sessions
from refeed.models.common.pairs import centred, unique_pairs
from refeed.models.common.row_groups import for_each_group
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_linear import sum_of_rows

NOISE_ROUNDS = 3  # of finding a person's noise and their vector in turn
HIGHEST_PRECISION = 1e4  # of noise: a standard deviation of 1% of that of the ratings, so that float32 is enough


@dataclass(frozen=True, eq=False)
class People:
    """What is known of B people, of S draws.

    Attributes:
        factors: those of all draws side by side, (B, S k).
        biases: their means over the draws, (B,).
        users: int64 (B,), their positions in training.
        is_changed: bool (B,), whether they were not in training with this history.
        sessions: what is expected of the sessions of those who are changed, in their order; None where that is nothing.
    """

    factors: Tensor
    biases: Tensor
    users: npt.NDArray[np.int64]
    is_changed: npt.NDArray[np.bool_]
    sessions: SessionMeans | None


@dataclass(frozen=True, eq=False)
class Folded:
    """What is known of g people from their ratings.

    Attributes:
        posterior: of their vectors, (S, g, d).
        noise: its precision, (S, g).
        sessions: sums over their sessions, where these are known.
    """

    posterior: Posterior
    noise: Tensor
    sessions: SessionSums | None


class BayesianScorer(Scorer):
    """See `BayesianModel`.

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
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        asked, places, place_of_pair = unique_pairs(rows, items, history.num_items, self._model.device)
        people = self._people(history.rows(asked))
        sums = sampled_linear(people.factors, self._item_factors, places)
        sums += people.biases[places.row_of_entry] + self._item_bias[places.columns]
        predicted = self._as_ratings(sums)[place_of_pair]
        if times is not None and self._model.session_seconds is not None:
            effects = self._effects(people, np.searchsorted(asked, rows), times)
            predicted += np.float32(self._model.deviation.item()) * effects
        return predicted

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        people = self._people(history)
        scores = torch.addmm(self._item_bias, people.factors, self._item_factors.t()) + people.biases[:, None]
        return self._as_ratings(scores)

    def _as_ratings(self, standardised: Tensor) -> npt.NDArray[np.float32]:
        model = self._model
        ratings: npt.NDArray[np.float32] = (model.mean + model.deviation * standardised).numpy(force=True)
        return ratings

    def _people(self, history: History) -> People:
        """Those who were in training with this history as they were kept, the others folded in."""
        model = self._model
        known = torch.from_numpy(history.users.clip(min=0)).to(model.device)
        vectors = model.users[known].float()  # B x S x d
        is_changed = (history.users < 0) | (model.digests[known].numpy(force=True) != model.digests_of(history))
        changed = np.flatnonzero(is_changed)
        found = self._folded(history.rows(changed), changed, vectors) if len(changed) else None
        return People(vectors[..., :-1].flatten(1), vectors[..., -1].mean(1), history.users, is_changed, found)

    def _folded(self, history: History, changed: npt.NDArray[np.int64], vectors: Tensor) -> SessionMeans | None:
        """Put the people's vectors in the places `changed` of `vectors`, (B, S, d); what is expected of their sessions."""
        sessions, places = self._sessions_of(history), torch.from_numpy(changed).to(vectors.device)
        indptr = torch.from_numpy(np.zeros(len(history) + 1, np.int64) if sessions is None else sessions.indptr).to(places)
        first, counts, expected = indptr[:-1], indptr.diff(), vectors.new_zeros(int(indptr[-1]), 1)

        def work(group: PaddedRows, folded: Folded) -> None:
            means = folded.posterior.mean()
            vectors[places[group.rows]] = means.transpose(0, 1)
            if folded.sessions is not None:
                effects = folded.sessions.expected(means[..., None]).mean(0)
                put_by_row(expected, effects, first[group.rows], counts[group.rows])

        self._fold_in(history, work, sessions)
        return None if sessions is None else SessionMeans(sessions, expected[:, 0].numpy(force=True))

    def _effects(self, people: People, rows: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Of the sessions at P times of these people, float32 (P,); 0 where they have none then."""
        effects, is_changed = np.zeros(len(rows), np.float32), people.is_changed[rows]
        effects[~is_changed] = self._known_sessions.at(people.users[rows[~is_changed]], times[~is_changed])
        if people.sessions is not None:
            place = np.cumsum(people.is_changed) - 1
            effects[is_changed] = people.sessions.at(place[rows[is_changed]], times[is_changed])
        return effects

    def _fold_in(self, history: History, work: Callable[[PaddedRows, Folded], None], sessions: Sessions | None) -> None:
        """`work` of every group of people, with what is known of them from their ratings and their sessions."""
        model = self._model
        common = model.noise_precision[:, None]
        means = model.prior_mean[:, None] + choices_of(history, model.choice_loadings) @ model.choice_weights  # S x B x d

        def of_group(group: PaddedRows) -> None:
            products, by_session = self._table.products_of(group, model.session_variance)
            prior = (means[:, group.rows], model.prior_precision[:, None])
            noise = common.expand(-1, len(group.rows))  # S x g
            posterior = Posterior(products, *prior, noise)
            if (strength := model.noise_strength) is not None:
                for _ in range(NOISE_ROUNDS):
                    errors = posterior.expected_squared_errors()
                    noise = ((strength + group.counts) / (strength / common + errors)).clamp(max=HIGHEST_PRECISION)
                    posterior = Posterior(products, *prior, noise)
            work(group, Folded(posterior, noise, by_session))

        width = self._table.samples * self._table.width
        history, numbers = (history, None) if sessions is None else sessions.in_order(history)
        groups = padded_rows(self._standardised(history), model.device, width=width, sessions=numbers)
        for_each_group(of_group, groups, device=model.device)

    def _sessions_of(self, history: History) -> Sessions | None:
        """Those of the history's ratings; None where the model takes no notice of them, or the history has no times."""
        seconds = self._model.session_seconds
        return None if seconds is None or history.timestamps is None else Sessions.of(history, seconds)

    @cached_property
    def _known_sessions(self) -> SessionMeans:
        """Of the training users, with the histories that they had."""
        model = self._model
        assert model.session_seconds is not None
        indptr, periods, means = (
            t.numpy(force=True) for t in (model.session_indptr, model.session_periods, model.session_means)
        )
        return SessionMeans(Sessions(indptr, periods, model.session_seconds), means)

    @cached_property
    def _table(self) -> FeatureTable:
        model = self._model
        return FeatureTable(model.items.float().transpose(0, 1), model.item_weights.t())

    def _standardised(self, history: History) -> History:
        return standardised(history, self._model.mean.item(), self._model.deviation.item())


def standardised(history: History, mean: float, deviation: float) -> History:
    """The history with ratings less the mean, divided by the deviation (0 where that is 0)."""
    moved = centred(history, np.full(history.num_ratings, mean, np.float32))
    moved.values[:] *= 1.0 / deviation if deviation else 0.0
    return moved


def choices_of(history: History, loadings: Tensor) -> Tensor:
    """s: what each person rated at all, (B, f): the sum of the items' loadings (n, f) over the square root of their number."""
    counts = torch.from_numpy(history.counts).to(loadings)
    columns = torch.from_numpy(history.indices).to(loadings.device)
    pointers = torch.from_numpy(history.indptr).to(loadings.device)
    sums = sum_of_rows(columns, loadings, pointers, torch.ones(len(columns), device=loadings.device))
    return sums / counts.clamp(min=1.0).sqrt()[:, None]
