"""The description of SVD++ and time-SVD++."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt
from refeed.models.base import Spec
from refeed.models.svd_plus_plus.model import SvdPlusPlusModel


@dataclass(frozen=True)
class SvdPlusPlus(Spec):
    """SVD++, and with time_aware time-SVD++: matrix factorisation that also learns from which items a user rated.

    Koren, "Factorization meets the neighborhood" (2008), equation 15; with r_ui the rating and N_u what u rated:

        prediction = mean + b_u + b_i + q_i . (p_u + |N_u|^-1/2 sum of y_j over N_u)

    With time_aware (Koren, "Collaborative filtering with temporal dynamics", 2009, section 3.2) b_i also has a part for each
    time bin, and b_u a drift alpha_u dev_u(t) with dev_u(t) = sign(t - t_u) |t - t_u|^0.4 in years around the mean time t_u of
    the user's ratings. A prediction without a time is for the user's latest one.

    Minimises the squared error + regularisation * (|p|^2 + b_u^2 + alpha_u^2 + |q|^2 + b_i^2) + implicit_regularisation *
    |y|^2. Koren descends along the gradient of all of these. Here p_u, b_u and alpha_u of a batch of users are solved for by
    ridge regression, and only the items' side takes a gradient step (variable projection): fewer epochs, a lower error, and new
    users are treated exactly as training users are.

    Attributes:
        factors: length of the vectors, at least 1.
        regularisation: penalty on the vectors and biases of users and items, above 0.
        implicit_regularisation: penalty on the implicit factors y, at least 0.
        time_aware: whether to learn how items and users change; needs timestamps.
        time_bins: time bins in each of which an item has a bias of its own, at least 1.
        learning_rate: of Adam, above 0; it falls to 0 along a cosine over the epochs.
        batch_size: users per step, at least 1.
        epochs: passes over the ratings, at least 1.
        patience: epochs without a lower validation RMSE after which fitting stops; none never stops early.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import SvdPlusPlus, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(SvdPlusPlus(factors=2, epochs=1), RandomSplit().apply(ratings))
        FittedModel(svd++, 30 users x 40 items, 200 trained weights)
    """

    kind: ClassVar[str] = "svd++"
    title: ClassVar[str] = "SVD++"

    factors: PositiveInt = 50
    regularisation: PositiveFloat = 16.0
    implicit_regularisation: NonNegativeFloat = 16.0
    time_aware: bool = False
    time_bins: PositiveInt = 10
    learning_rate: PositiveFloat = 0.005
    batch_size: PositiveInt = 64
    epochs: PositiveInt = 8
    patience: PositiveInt | None = 3

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"{'time-' if self.time_aware else ''}SVD++, {self.factors:,} factors"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> SvdPlusPlusModel:
        return SvdPlusPlusModel(
            num_users,
            num_items,
            factors=self.factors,
            regularisation=self.regularisation,
            time_bins=self.time_bins if self.time_aware else None,
            seed=seed,
        )
