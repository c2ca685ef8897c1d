"""The model and the predictions of a recurrent recommender network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, RatingModel, Scorer
from refeed.models.common.factors import ridge_penalties
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.rrn.sequences import Sequences, Timeline
from refeed.models.rrn.states import StateNetwork


class RecurrentModel(RatingModel):
    """The networks and item factors of `RRN`; users are known by their histories alone, items by their states in training.

    Args:
        num_users: m.
        num_items: n.
        offsets: mean, user and item biases.
        user_network: over the ratings of items.
        item_network: over the ratings by users.
        item_factors: stationary factors, (n, k).
        regularisation: of the ridge regressions, above 0.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = ("item_states", "item_moments")
    item_states: Tensor
    item_moments: Tensor
    item_pointers: Tensor

    def __init__(
        self,
        num_users: int,
        num_items: int,
        *,
        offsets: Offsets,
        user_network: StateNetwork,
        item_network: StateNetwork,
        item_factors: Tensor,
        regularisation: float,
    ) -> None:
        super().__init__(num_users, num_items)
        self.offsets, self.regularisation = offsets, regularisation
        self.user_network, self.item_network = user_network, item_network
        self.item_factors = nn.Parameter(item_factors)
        self.register_buffer("item_states", torch.zeros(num_items, user_network.affine.out_features))  # before any step
        self.register_buffer("item_moments", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("item_pointers", torch.zeros(num_items + 1, dtype=torch.int64))

    @override
    def scorer(self) -> RecurrentScorer:
        return RecurrentScorer(self)


@dataclass(frozen=True, eq=False)
class UserSide:
    """What is computed from the histories of B users.

    Attributes:
        timeline: their time steps, S in all.
        states: (S + B, state).
        factors: stationary factors, (B, k).
        offsets: mean + user bias, float32 (B,).
    """

    timeline: Timeline
    states: Tensor
    factors: Tensor
    offsets: Floats


class RecurrentScorer(Scorer):
    """Predictions of `RRN`."""

    @torch.no_grad()
    def __init__(self, model: RecurrentModel) -> None:
        self._model = model
        self._solver = RidgeSolver(model.item_factors.detach())
        self._items = Timeline(model.item_pointers.numpy(force=True), model.item_moments.numpy(force=True))

    @override
    @torch.no_grad()
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        """Where times are given, predict from states that have seen the steps before them only."""
        model = self._model
        requested, user_of_pair = np.unique(rows, return_inverse=True)
        users = self._user_side(history.rows(requested))
        if times is None:
            user_states, item_states = users.timeline.latest_states(user_of_pair), self._latest_item_states[items]
        else:
            user_states = users.timeline.states_before(user_of_pair, model.user_network.moments(times))
            item_states = self._items.states_before(items, model.item_network.moments(times))
        dynamic = (users.states[self._on_device(user_states)] * model.item_states[self._on_device(item_states)]).sum(1)
        stationary = (users.factors[self._on_device(user_of_pair)] * model.item_factors[self._on_device(items)]).sum(1)
        offsets = users.offsets[user_of_pair] + model.offsets.item_part()[items]
        predicted: Floats = (dynamic + stationary).numpy(force=True) + offsets
        return predicted

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        """Predict from the latest states."""
        model, users = self._model, self._user_side(history)
        latest = self._on_device(users.timeline.latest_states(np.arange(len(history), dtype=np.int64)))
        scores = users.factors @ model.item_factors.t()
        scores.addmm_(users.states[latest], model.item_states[self._on_device(self._latest_item_states)].t())
        result: Floats = scores.numpy(force=True)
        result += users.offsets[:, None]
        result += model.offsets.item_part()
        return result

    def _user_side(self, history: History) -> UserSide:
        """States from the sequences, then stationary factors by ridge regression of the remaining residuals."""
        model = self._model
        times = history.timestamps
        if times is None:
            times = np.full(history.num_ratings, model.user_network.time_range[1].item(), np.int64)
        sequences = Sequences.of_history(history, model.user_network.moments(times))
        states = model.user_network.states(sequences)
        item_states = self._items.states_before(sequences.columns, model.item_network.moments(times[sequences.order]))
        dynamic = products(states, model.item_states, sequences, item_states).numpy(force=True)
        residuals = centred(history, model.offsets.of_entries(history))
        residuals.values[sequences.order] -= dynamic
        penalties = ridge_penalties(model.regularisation, history.counts, weighted=True)
        factors = self._solver.solve(residuals, penalties)
        return UserSide(sequences.timeline, states, factors, model.offsets.user_part(history))

    @cached_property
    def _latest_item_states(self) -> Integers:
        return self._items.latest_states(np.arange(len(self._items), dtype=np.int64))

    def _on_device(self, index: Integers) -> Tensor:
        return torch.from_numpy(index).to(self._model.device)


@torch.no_grad()
def products(states: Tensor, other_states: Tensor, sequences: Sequences, other_index: Integers) -> Tensor:
    """The products of states that predict the ratings of sequences, (nnz,).

    Args:
        states: of the sequences; a rating is predicted from the one before its step.
        other_states: of the other side, (others, state).
        sequences: the ratings.
        other_index: int64 (nnz,), index of the other side's state of each rating.
    """
    entries = np.zeros(sequences.timeline.num_states + 1, np.int64)
    entries[sequences.timeline.states_before_steps + 1] = sequences.entries_of_steps
    pairs = SparseRows(
        indptr=torch.from_numpy(entries.cumsum()).to(states.device),
        columns=torch.from_numpy(other_index).to(states.device),
        values=states.new_zeros(len(other_index)),
        num_columns=len(other_states),
    )
    return sampled_linear(states, other_states, pairs)
