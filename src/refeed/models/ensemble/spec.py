"""The description of an ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from refeed.config import PositiveFloat
from refeed.errors import ConfigError
from refeed.models.base import RatingModel, Spec
from refeed.models.ensemble.members import Member
from refeed.models.ensemble.model import EnsembleModel
from refeed.models.ensemble.rescaled import Rescaled


@dataclass(frozen=True)
class Ensemble(Spec):
    """Models of several kinds, blended with weights learnt on the validation set (stacking, Breiman 1996).

    prediction = w_0 + sum_m w_m * prediction of member m. The weights are the ridge regression of the validation ratings on the
    members' predictions, shrunk to equal weights that sum to 1 and to w_0 = 0. They vary with meta-features of the pair where
    that lowers the validation error (feature-weighted linear stacking, Sill et al. 2009; see `MetaFeatures`). Members are
    fitted to ratings scaled to the standard deviation of MovieLens ratings, so that the same penalties suit any rating scale.

    Attributes:
        members: fitted in turn, each with a seed of its own; a text such as "autoencoder encoder=512 weight_decay=0.001|0.003"
            becomes a `Member`, of whose settings the best on the validation set is kept.
        prior_ratings: pseudo-counts that shrink the weights to equal ones, above 0.
        feature_ratings: pseudo-counts that shrink the varying part of the weights to 0, each above 0; the best in validation
            is taken. Empty: constant weights.

    Raises:
        ConfigError: no member, an unknown kind or key, or a value out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import Ensemble, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> spec = Ensemble(members=("bias", "als factors=2|3 epochs=3"))
        >>> train(spec, RandomSplit().apply(ratings)).model.weights.shape  # a constant, and one weight a member
        torch.Size([3])
    """

    kind: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "ensemble"

    members: tuple[Member, ...] = (
        Member(
            "autoencoder encoder=512 dropout=0.7 offsets=bias weight_decay=0.003 decay_biases=false epochs=60 schedule=cosine"
            " patience=8"
        ),
        Member("autorec side=item weight_decay=0.0004 decay_biases=false epochs=60 schedule=cosine patience=10"),
        Member("bayesian"),
    )
    prior_ratings: PositiveFloat = 100.0
    feature_ratings: tuple[PositiveFloat, ...] = (1000.0, 3000.0, 10000.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.members:
            raise ConfigError('members: expected at least one, for example ["bayesian", "autoencoder encoder=512"]')

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return "; ".join(f"({number}) {member.summary(num_users, num_items)}" for number, member in enumerate(self.members, 1))

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> EnsembleModel:
        """The model before fitting, with equal weights, and of each member the first variant."""
        specs = (member.variants[0].spec for member in self.members)
        models: list[RatingModel] = [Rescaled(spec.build(num_users, num_items, seed=seed)) for spec in specs]
        return EnsembleModel(models, num_users, num_items)
