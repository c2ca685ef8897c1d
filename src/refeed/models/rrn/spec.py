"""The description of the recurrent recommender network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt
from refeed.models.base import Spec
from refeed.models.common.factors import INITIAL_DEVIATION
from refeed.models.common.offsets import Offsets
from refeed.models.rrn.model import RecurrentModel
from refeed.models.rrn.states import StateNetwork


@dataclass(frozen=True)
class RRN(Spec):
    """A recurrent recommender network: LSTMs over the time steps of users and items; Wu et al. (2017).

    prediction(u, i, t) = offset(u, i) + <A h_u(t) + b, C h_i(t) + d> + <p_u, q_i>

    h_u(t) and h_i(t) are the hidden states of a user LSTM and an item LSTM after all steps before that of t in which the user
    (the item) has a rating; see `StateNetwork` for their inputs. p and q are stationary factors. A rating is never predicted
    from a state that has seen its own step or a later one. For a prediction without a time, or at one after the training
    ratings, the states have seen all known ratings.

    Where the paper leaves the choice open: steps are those of the calendar (UTC), of one length for users and another for
    items. Offsets are the mean and the biases of the bias baseline, fitted beforehand. The stationary factors minimise the
    squared error plus `regularisation` times a row's number of ratings times |p|^2 (or |q|^2), by ridge regression: first
    without the LSTMs (the start from PMF), later once per epoch with the states fixed. A and b begin at 0, so that the network
    begins as that factorisation. In an epoch the users' LSTM, A and b learn from batches of users with the items' states fixed,
    then those of the items with the users' states fixed.

    The p of all users, training users included, is the ridge regression of the residuals of their history on q, and their
    states come from their history; a history without times counts as one step at the end of training.

    Attributes:
        user_step_days: length of a user's step, above 0, at least a second.
        item_step_days: length of an item's step.
        embedding: width of a step's embedding, at least 1.
        units: units of each LSTM, at least 1.
        state: width of A h + b, at least 1.
        factors: length of the stationary vectors, at least 1.
        regularisation: penalty on the stationary factors, above 0.
        start_epochs: epochs that fit the stationary factors alone, at least 1.
        epochs: further epochs, which fit everything, at least 1.
        learning_rate: of Adam, above 0.
        weight_decay: L2 penalty of Adam on everything but the stationary factors: half of it times the squared weights is added
            to the mean squared error of a batch, at least 0.
        batch_size: users, or items, per step of Adam, at least 1.
        gradient_steps: time steps of truncated back-propagation, at least 1; none goes back through whole sequences.
        patience: epochs without a lower validation RMSE after which fitting stops; none never stops early.
        item_regularisation: pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import RRN, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> times = 10**9 + 86_400 * ((users + items) % 50)
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5, timestamps=times)
        >>> spec = RRN(embedding=2, units=2, state=2, factors=2, start_epochs=1, epochs=1)
        >>> train(spec, RandomSplit().apply(ratings))
        FittedModel(rrn, 30 users x 40 items, 344 trained weights)
    """

    kind: ClassVar[str] = "rrn"
    title: ClassVar[str] = "RRN"

    user_step_days: PositiveFloat = 1.0
    item_step_days: PositiveFloat = 30.0
    embedding: PositiveInt = 40
    units: PositiveInt = 40
    state: PositiveInt = 20
    factors: PositiveInt = 30
    regularisation: PositiveFloat = 0.1
    start_epochs: PositiveInt = 8
    epochs: PositiveInt = 20
    learning_rate: PositiveFloat = 0.001
    weight_decay: NonNegativeFloat = 0.0001
    batch_size: PositiveInt = 128
    gradient_steps: PositiveInt | None = None
    patience: PositiveInt | None = 6
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"recurrent recommender network, {self.units:,} LSTM units, {self.factors:,} stationary factors"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> RecurrentModel:
        generator = torch.Generator().manual_seed(seed)
        widths = {"embedding": self.embedding, "units": self.units, "state": self.state}
        users = StateNetwork(num_items, step_days=self.user_step_days, **widths, generator=generator)
        items = StateNetwork(num_users, step_days=self.item_step_days, **widths, generator=generator)
        nn.init.zeros_(users.affine.weight)  # the products of states begin at 0
        return RecurrentModel(
            num_users,
            num_items,
            offsets=Offsets("bias", num_items, item_damping=self.item_regularisation, user_damping=self.user_regularisation),
            user_network=users,
            item_network=items,
            item_factors=nn.init.normal_(torch.empty(num_items, self.factors), std=INITIAL_DEVIATION, generator=generator),
            regularisation=self.regularisation,
        )
