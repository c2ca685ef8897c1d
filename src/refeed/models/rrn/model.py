"""Predictions of a recurrent recommender network, and all that it has learnt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import RatingModel, Scorer
from refeed.models.common.factors import ridge_penalties
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.rrn.sequences import Sequences, Timeline
from refeed.models.rrn.states import StateNetwork


class RecurrentModel(RatingModel):
    """See `RRN`. Users are known by their histories alone; the states of the items are kept as they were through training.

    Args:
        num_users: m.
        num_items: n.
        offsets: mean, user and item biases.
        user_network: over the ratings of items.
        item_network: over the ratings by users.
        item_factors: the stationary ones, (n, k).
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
class People:
    """What the model makes of the histories of B persons.

    Attributes:
        timeline: their steps, S in all.
        states: (S + B, state).
        factors: the stationary ones, (B, k).
        offsets: mean + user bias, float32 (B,).
    """

    timeline: Timeline
    states: Tensor
    factors: Tensor
    offsets: npt.NDArray[np.float32]


class RecurrentScorer(Scorer):
    """See `RecurrentModel`.

    Args:
        model: as it is now.
    """

    @torch.no_grad()
    def __init__(self, model: RecurrentModel) -> None:
        self._model = model
        self._solver = RidgeSolver(model.item_factors.detach())
        self._items = Timeline(model.item_pointers.numpy(force=True), model.item_moments.numpy(force=True))

    @override
    @torch.no_grad()
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Where times are given, predict from states that have seen the steps before them only."""
        model = self._model
        asked, row_of_pair = np.unique(rows, return_inverse=True)
        people = self._people(history.rows(asked))
        if times is None:
            user_places, item_places = people.timeline.latest_states(row_of_pair), self._latest_item_states[items]
        else:
            user_places = people.timeline.states_before(row_of_pair, model.user_network.moments(times))
            item_places = self._items.states_before(items, model.item_network.moments(times))
        dynamic = (people.states[self._there(user_places)] * model.item_states[self._there(item_places)]).sum(1)
        stationary = (people.factors[self._there(row_of_pair)] * model.item_factors[self._there(items)]).sum(1)
        offsets = people.offsets[row_of_pair] + model.offsets.item_part()[items]
        predicted: npt.NDArray[np.float32] = (dynamic + stationary).numpy(force=True) + offsets
        return predicted

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """Predict from the latest states."""
        model, people = self._model, self._people(history)
        latest = self._there(people.timeline.latest_states(np.arange(len(history), dtype=np.int64)))
        scores = people.factors @ model.item_factors.t()
        scores.addmm_(people.states[latest], model.item_states[self._there(self._latest_item_states)].t())
        result: npt.NDArray[np.float32] = scores.numpy(force=True)
        result += people.offsets[:, None]
        result += model.offsets.item_part()
        return result

    def _people(self, history: History) -> People:
        """States from the sequences, then stationary factors by ridge regression of what states and offsets leave."""
        model = self._model
        times = history.timestamps
        if times is None:
            times = np.full(history.num_ratings, model.user_network.time_range[1].item(), np.int64)
        sequences = Sequences.of_history(history, model.user_network.moments(times))
        states = model.user_network.states(sequences)
        item_places = self._items.states_before(sequences.columns, model.item_network.moments(times[sequences.order]))
        dynamic = products(states, model.item_states, sequences, item_places).numpy(force=True)
        left = centred(history, model.offsets.of_entries(history))
        left.values[sequences.order] -= dynamic
        penalties = ridge_penalties(model.regularisation, history.counts, weighted=True)
        factors = self._solver.solve(left, penalties)
        return People(sequences.timeline, states, factors, model.offsets.user_part(history))

    @cached_property
    def _latest_item_states(self) -> npt.NDArray[np.int64]:
        return self._items.latest_states(np.arange(len(self._items), dtype=np.int64))

    def _there(self, places: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(places).to(self._model.device)


@torch.no_grad()
def products(states: Tensor, other_states: Tensor, sequences: Sequences, other_places: npt.NDArray[np.int64]) -> Tensor:
    """The products of states that predict the ratings of sequences, (nnz,).

    Args:
        states: of the sequences; a rating is predicted from the one before its step.
        other_states: of the other side, (others, state).
        sequences: the ratings.
        other_places: int64 (nnz,), which of the other states belongs to each rating.
    """
    entries = np.zeros(sequences.timeline.num_states + 1, np.int64)
    entries[sequences.timeline.states_before_steps + 1] = sequences.entries_of_steps
    places = SparseRows(
        indptr=torch.from_numpy(entries.cumsum()).to(states.device),
        columns=torch.from_numpy(other_places).to(states.device),
        values=states.new_zeros(len(other_places)),
        num_columns=len(other_states),
    )
    return sampled_linear(states, other_states, places)
