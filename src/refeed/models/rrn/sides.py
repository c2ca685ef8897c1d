"""The users and the items, as a recurrent recommender network is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.common.checks import required_times
from refeed.models.common.factors import ridge_penalties
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.rrn.model import RecurrentModel, products
from refeed.models.rrn.sequences import Sequences
from refeed.models.rrn.states import StateNetwork


@dataclass(frozen=True, eq=False)
class Side:
    """Users over items, or items over users; ratings are in the order of the side's sequences.

    Attributes:
        network: of the rows.
        sequences: of the rows.
        residuals: float32 (nnz,), ratings less offsets.
        other_index: int64 (nnz,), index of the other side's state from which each rating is predicted.
        factors: stationary factors of the rows, (rows, k), solved for in place.
        other_factors: stationary factors of the columns, (columns, k).
    """

    network: StateNetwork
    sequences: Sequences
    residuals: npt.NDArray[np.float32]
    other_index: npt.NDArray[np.int64]
    factors: Tensor
    other_factors: Tensor

    @torch.no_grad()
    def solve(self, states: Tensor, other_states: Tensor, *, regularisation: float) -> None:
        """Solve for the stationary factors: ridge regressions of the residuals less the products of states, (S + B, state)."""
        dynamic = products(states, other_states, self.sequences, self.other_index).numpy(force=True)
        rows = self._rows(self.residuals - dynamic)
        penalties = ridge_penalties(regularisation, rows.counts, weighted=True)
        self.factors.copy_(RidgeSolver(self.other_factors).solve(rows, penalties))

    @torch.no_grad()
    def targets_of_states(self) -> Tensor:
        """Residuals less the products of stationary factors, (nnz,): what the products of states are fitted to."""
        entries = SparseRows.from_history(self._rows(self.residuals), self.factors.device)
        return entries.values - sampled_linear(self.factors, self.other_factors, entries)

    def loss_of(self, rows: npt.NDArray[np.int64], targets: Tensor, other_states: Tensor, gradient_steps: int | None) -> Tensor:
        """Squared error of each rating of the rows, (nnz of the rows,), given the targets of the states, (nnz,)."""
        part, entries = self.sequences.rows(rows)
        own = self.network(part, gradient_steps=gradient_steps)
        device = targets.device
        before = torch.from_numpy(part.states_before).to(device)
        others = other_states[torch.from_numpy(self.other_index[entries]).to(device)]  # nnz x state
        errors = targets[torch.from_numpy(entries).to(device)] - (own[before] * others).sum(1)
        squared: Tensor = errors.square()
        return squared

    def _rows(self, values: npt.NDArray[np.float32]) -> History:
        """The rows with these values, (nnz,)."""
        return History(
            indptr=self.sequences.row_pointers,
            indices=self.sequences.columns,
            values=values,
            num_items=len(self.other_factors),
            users=np.arange(len(self.sequences), dtype=np.int64),
        )


def both_sides(model: RecurrentModel, train: Ratings) -> tuple[Side, Side]:
    """The users' and the items' side.

    Args:
        model: with fitted offsets; its networks get the mean and the time range of the ratings.
        train: training ratings.

    Raises:
        DataError: the ratings have no times.
    """
    times = required_times(train, needed_by="rrn", otherwise="choose another model")
    span = torch.tensor([int(times.min()), int(times.max())])
    for network in (model.user_network, model.item_network):
        network.centre.copy_(model.offsets.mean)
        network.time_range.copy_(span)
    users, items = train.rows(), train.transposed().rows()
    of_users, of_items = _sequences(users, model.user_network), _sequences(items, model.item_network)
    user_offsets, item_offsets = model.offsets.user_part(users), model.offsets.item_part()
    item_factors = model.item_factors.data
    user_factors = item_factors.new_zeros(train.num_users, item_factors.shape[1])
    return (
        Side(
            network=model.user_network,
            sequences=of_users,
            residuals=_residuals(of_users, user_offsets, item_offsets),
            other_index=_states_before(of_users, users, of_items, model.item_network),
            factors=user_factors,
            other_factors=item_factors,
        ),
        Side(
            network=model.item_network,
            sequences=of_items,
            residuals=_residuals(of_items, item_offsets, user_offsets),
            other_index=_states_before(of_items, items, of_users, model.user_network),
            factors=item_factors,
            other_factors=user_factors,
        ),
    )


def _sequences(history: History, network: StateNetwork) -> Sequences:
    return Sequences.of_history(history, network.moments(_times(history)))


def _residuals(
    sequences: Sequences, row_offsets: npt.NDArray[np.float32], column_offsets: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    counts = np.diff(sequences.row_pointers)
    return sequences.values - np.repeat(row_offsets, counts) - column_offsets[sequences.columns]


def _states_before(
    sequences: Sequences, history: History, others: Sequences, other_network: StateNetwork
) -> npt.NDArray[np.int64]:
    """Index of the other side's state from which each rating is predicted, int64 (nnz,)."""
    moments = other_network.moments(_times(history)[sequences.order])
    return others.timeline.states_before(sequences.columns, moments)


def _times(history: History) -> npt.NDArray[np.int64]:
    assert history.timestamps is not None  # `both_sides` has checked all ratings
    return history.timestamps
