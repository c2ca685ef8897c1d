"""The description of probabilistic matrix factorisation (PMF), with user and item biases or as published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt, Probability
from refeed.models.base import Spec
from refeed.models.common.factors import FactorModel
from refeed.models.common.offsets import OffsetKind, Offsets

Prior = Literal["weighted", "fixed", "adaptive"]


@dataclass(frozen=True)
class PMF(Spec):
    """Probabilistic matrix factorisation by SGD with momentum, with biases or plain; Salakhutdinov & Mnih (2008).

    Minimises sum (r_ui - offset - p_u . q_i - b_u - c_i)^2 + sum_u penalty_u (|p_u|^2 + b_u^2)
    + sum_i penalty_i (|q_i|^2 + c_i^2). The biased form is that of Funk and of Koren, Bell & Volinsky (2009).

    Attributes:
        factors: length of the vectors of users and items, at least 1.
        regularisation: lambda / standard deviation of the ratings (so that it suits any rating scale), above 0.
        prior: the penalty of a user or item: "weighted" (lambda times its number of ratings, as in the authors' program),
            "fixed" (lambda, the published objective), or "adaptive" (lambda until the factors have grown, then estimated from
            them before each epoch, for users and for items: sections 3.1 and 3.2).
        biased: also fit a bias for each user and item.
        learning_rate: of the sum of the gradients of a batch, times the standard deviation of the ratings, above 0.
        momentum: 0 to below 1; it multiplies the effect of a gradient by 1 / (1 - momentum).
        batch_size: ratings per step, at least 1; none chooses it so that the most frequent user or item occurs about 50 times
            in a batch, which is as good as one rating at a time.
        epochs: passes over the ratings, at least 1.
        patience: epochs without a lower validation RMSE after which fitting stops; none never stops early.
        offsets: what is subtracted from the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import PMF, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(PMF(factors=2, epochs=1), RandomSplit().apply(ratings))
        FittedModel(pmf, 30 users x 40 items, 210 trained weights)
    """

    kind: ClassVar[str] = "pmf"
    title: ClassVar[str] = "PMF"

    factors: PositiveInt = 100
    regularisation: PositiveFloat = 0.055
    prior: Prior = "weighted"
    biased: bool = True
    learning_rate: PositiveFloat = 0.011
    momentum: Probability = 0.0
    batch_size: PositiveInt | None = None
    epochs: PositiveInt = 100
    patience: PositiveInt | None = 5
    offsets: OffsetKind = "mean"
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0

    def in_units_of(self, spread: float) -> PMF:
        """The description with lambda itself as regularisation and the rate itself, for ratings of this standard deviation."""
        return replace(self, regularisation=self.regularisation * spread, learning_rate=self.learning_rate / spread)

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"{'biased' if self.biased else 'probabilistic'} matrix factorisation by SGD, {self.factors:,} factors"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> FactorModel:
        return FactorModel(
            num_users,
            num_items,
            factors=self.factors,
            biased=self.biased,
            offsets=Offsets(
                self.offsets, num_items, item_damping=self.item_regularisation, user_damping=self.user_regularisation
            ),
            regularisation=self.regularisation,
            weighted=self.prior == "weighted",
            seed=seed,
        )
