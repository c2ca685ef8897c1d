"""Matrix factorisation by alternating least squares, each row's penalty weighted by its number of ratings (ALS-WR)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from refeed.config import conform, require_ranges
from refeed.models.factors import FactorModel
from refeed.models.offsets import OffsetKind, Offsets


@dataclass(frozen=True)
class ALS:
    """Matrix factorisation by alternating ridge regressions (ALS-WR); Zhou et al. (2008), section 3.

    Minimises sum (r_ui - offset - p_u . q_i - b_u - c_i)^2 + sum_u penalty_u (|p_u|^2 + b_u^2) + the same of the items, by
    solving for all items with the users fixed, then for all users with the items fixed.

    Attributes:
        factors: numbers in the vector of a user or an item, at least 1.
        regularisation: lambda / standard deviation of the ratings (so that it suits any rating scale), above 0.
        weighted: a row's penalty is lambda times its number of ratings; else it is lambda.
        biased: users and items also have a bias, solved for with their vector.
        epochs: sweeps over the items and the users, at least 1.
        patience: epochs without a better validation RMSE after which fitting stops; none never stops early.
        offsets: what is taken off the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": imaginary ratings that pull an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.
    """

    kind: ClassVar[str] = "als"
    title: ClassVar[str] = "ALS"
    uses_training_options: ClassVar[bool] = False

    factors: int = 50
    regularisation: float = 0.07
    weighted: bool = True
    biased: bool = True
    epochs: int = 30
    patience: int | None = 5
    offsets: OffsetKind = "mean"
    item_regularisation: float = 10.0
    user_regularisation: float = 15.0

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(
            self,
            above_0=("regularisation",),
            from_0=("item_regularisation", "user_regularisation"),
            from_1=("factors", "epochs", "patience"),
        )

    def in_units_of(self, spread: float) -> ALS:
        """The same for ratings of this standard deviation, with lambda itself as regularisation."""
        return replace(self, regularisation=self.regularisation * spread)

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        del num_users, num_items
        return f"{'biased ' if self.biased else ''}matrix factorisation by ALS, {self.factors:,} factors"

    def build(self, num_users: int, num_items: int, *, seed: int) -> FactorModel:
        """The model with its initial factors."""
        return FactorModel(
            num_users,
            num_items,
            factors=self.factors,
            biased=self.biased,
            offsets=Offsets(self.offsets, num_items, user_regularisation=self.user_regularisation),
            regularisation=self.regularisation,
            weighted=self.weighted,
            seed=seed,
        )
