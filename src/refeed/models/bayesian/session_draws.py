"""Draws of session effects in a Bayesian factorisation, and of their variance."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.bayesian.regression import PaddedRows
from refeed.models.bayesian.session_sums import SessionSums, put_by_row
from refeed.models.bayesian.sessions import Sessions
from refeed.models.bayesian.slice_sampling import slice_draw

FIRST_VARIANCE = 0.1  # initial v: variance of the effects relative to that of the noise
STRENGTH_SHAPE, STRENGTH_RATE = 1.0, 0.01  # of the gamma prior of 1 / v, so weak that the data decide
SMALLEST_VARIANCE = 1e-6
LARGEST_VARIANCE = 100.0  # beyond it, products with the effects integrated out lose precision in float32


class SessionDraws:
    """The effects t ~ N(0, v / a_u) of the D sessions of all users: their part of the chain's state.

    Args:
        history: the training ratings of the users, with timestamps.
        sessions: the sessions of the history.
        device: of the tensors.
    """

    def __init__(self, history: History, sessions: Sessions, device: torch.device) -> None:
        assert history.timestamps is not None
        self._sessions = sessions
        numbers = sessions.numbers(history.row_of_rating, history.timestamps)
        self._of_rating = torch.from_numpy(numbers.astype(np.int32)).to(device)
        self._first, self._counts = (torch.from_numpy(a).to(device) for a in (sessions.indptr[:-1], sessions.counts))
        self._user = torch.repeat_interleave(self._counts)
        self._known = torch.zeros(len(self._user), 3, device=device)  # errors at the mean and the draw of users' vectors, and W
        self.effects = torch.zeros(len(self._user), device=device)
        self.variance = torch.full((1,), FIRST_VARIANCE, device=device)

    def means(self) -> Tensor:
        """The expected effects given the items and all noise, (D,)."""
        return self._share() * self._known[:, 0]

    def _share(self) -> Tensor:
        return self.variance / (1.0 + self.variance * self._known[:, 2])

    def at_ratings(self) -> Tensor:
        """The session effect of each training rating, in the order of the users, (nnz,)."""
        return self.effects.index_select(0, self._of_rating)

    def of_items(self, by_item: History) -> npt.NDArray[np.int32]:
        """The session of each training rating in the order of the items' history, int32 (nnz,)."""
        assert by_item.timestamps is not None
        return self._sessions.numbers(by_item.indices, by_item.timestamps).astype(np.int32)

    def subtracted(self, group: PaddedRows) -> PaddedRows:
        """The ratings of items less the session effects."""
        assert group.sessions is not None
        effects = self.effects.index_select(0, group.sessions.reshape(-1)).view(group.values.shape)
        return replace(group, values=group.values - effects)

    def observe(self, rows: Tensor, sums: SessionSums, vectors: Tensor) -> None:
        """Record the errors of the sessions of the users `rows`, given the mean and the draw of their vectors, (g, d, 2)."""
        known = torch.cat((sums.errors(vectors[None])[0], sums.weights[0, ..., None]), -1)
        put_by_row(self._known, known, self._first[rows], self._counts[rows])

    def draw(self, noise: Tensor, *, numbers: np.random.Generator, normal: torch.Generator) -> None:
        """Draw v given the users' drawn vectors and the precision of their noise, (m,); then the effects given all of these.

        The effects are integrated out when v is drawn, since a chain that draws each given the other mixes slowly.
        """
        precision, (_, errors, weights) = noise[self._user], self._known.unbind(-1)
        self.variance = torch.full_like(self.variance, self._drawn_variance(precision * errors.square(), weights, numbers))
        free = torch.randn(len(errors), generator=normal, device=errors.device)
        self.effects = self._share() * errors + (self._share() / precision).sqrt() * free

    def _drawn_variance(self, squares: Tensor, weights: Tensor, numbers: np.random.Generator) -> float:
        """A draw of v given a times the squared errors, of expectation W + v W^2, and W of each session, both (D,)."""
        squares, weights = squares.double(), weights.double()

        def log_density(log_variance: float) -> float:
            variance = math.exp(log_variance)
            spread = 1.0 + variance * weights
            likelihood = float((variance * squares / spread - spread.log()).sum()) / 2
            return likelihood - STRENGTH_SHAPE * log_variance - STRENGTH_RATE / variance

        lowest, highest = math.log(SMALLEST_VARIANCE), math.log(LARGEST_VARIANCE)
        before = min(max(math.log(self.variance.item()), lowest), highest)
        return math.exp(slice_draw(log_density, before, lowest=lowest, highest=highest, numbers=numbers))
