"""What a Bayesian factorisation learns: draws from its posterior, as tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.base import Integers, RatingModel
from refeed.models.common.row_digests import row_digests

PERIOD_SHIFT = 0x9E3779B1  # odd; an item index shifted by a multiple of it stands for item and period in the hash


@dataclass(frozen=True, eq=False)
class Sample:
    """One draw; vectors have d = k + 1 numbers, the last of which is the bias.

    Attributes:
        users: posterior means of the vectors given the rest of the draw, (m, d).
        items: (n, d).
        item_weights: w, (n,).
        prior_mean: mu of the users, (d,).
        prior_precision: A of the users, (d, d).
        choice_weights: B of the users, (f, d).
        noise_precision: a, ().
        session_variance: v, (); 0 without sessions.
        session_means: expected t given the draw's items and noise, for each session of each user, (D,).
    """

    users: Tensor
    items: Tensor
    item_weights: Tensor
    prior_mean: Tensor
    prior_precision: Tensor
    choice_weights: Tensor
    noise_precision: Tensor
    session_variance: Tensor
    session_means: Tensor


PER_DRAW = (
    "users",
    "items",
    "item_weights",
    "prior_mean",
    "prior_precision",
    "choice_weights",
    "noise_precision",
    "session_variance",
)


class BayesianDraws(RatingModel):
    """S draws of the chain, and how training users are recognised; `BayesianModel` predicts from them."""

    variable_buffers: ClassVar[tuple[str, ...]] = (*PER_DRAW, "session_periods", "session_means")

    mean: Tensor
    deviation: Tensor
    digests: Tensor
    choice_loadings: Tensor
    users: Tensor
    items: Tensor
    item_weights: Tensor
    prior_mean: Tensor
    prior_precision: Tensor
    choice_weights: Tensor
    noise_precision: Tensor
    session_variance: Tensor
    session_indptr: Tensor
    session_periods: Tensor
    session_means: Tensor

    def __init__(
        self,
        num_users: int,
        num_items: int,
        *,
        factors: int,
        choice_features: int,
        noise_strength: float | None,
        session_seconds: int | None,
    ) -> None:
        super().__init__(num_users, num_items)
        self.noise_strength, self._session_seconds = noise_strength, session_seconds
        width, features = factors + 1, choice_features
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.zeros(()))
        self.register_buffer("digests", torch.zeros(num_users, dtype=torch.int64))
        self.register_buffer("choice_loadings", torch.zeros(num_items, features))
        # half precision for the large ones: its relative rounding error of 5e-4 is far below the spread between draws
        self.register_buffer("users", torch.zeros(num_users, 0, width, dtype=torch.float16))  # m x S x d
        self.register_buffer("items", torch.zeros(num_items, 0, width, dtype=torch.float16))  # n x S x d
        self.register_buffer("item_weights", torch.zeros(num_items, 0))  # n x S
        self.register_buffer("prior_mean", torch.zeros(0, width))  # S x d
        self.register_buffer("prior_precision", torch.zeros(0, width, width))  # S x d x d
        self.register_buffer("choice_weights", torch.zeros(0, features, width))  # S x f x d
        self.register_buffer("noise_precision", torch.zeros(0))  # S
        self.register_buffer("session_variance", torch.zeros(0))  # S
        self.register_buffer("session_indptr", torch.zeros(num_users + 1, dtype=torch.int64))
        self.register_buffer("session_periods", torch.zeros(0, dtype=torch.int64))  # D
        self.register_buffer("session_means", torch.zeros(0))  # D

    @property
    def num_samples(self) -> int:
        """S, draws kept so far."""
        return len(self.noise_precision)

    @property
    def session_seconds(self) -> int | None:
        """Length of the period of a session, None if trained without sessions."""
        return self._session_seconds if len(self.session_periods) else None

    def digests_of(self, history: History) -> Integers:
        """Hashes by which training users with an unchanged history are recognised, int64 (B,): items, ratings and sessions."""
        if self.session_seconds is None or history.timestamps is None:
            return row_digests(history)
        shifted = history.indices + PERIOD_SHIFT * (history.timestamps // self.session_seconds)
        return row_digests(replace(history, indices=shifted))
