"""Models of several kinds, whose predictions are added with weights that the validation part gave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.config import conform, require_ranges
from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.errors import ConfigError
from refeed.models.base import RatingModel, Scorer
from refeed.models.ensemble.features import MetaFeatures, MetaReader
from refeed.models.ensemble.members import Member
from refeed.models.ensemble.rescaled import Rescaled


@dataclass(frozen=True)
class Ensemble:
    """Models of several kinds, blended with weights learnt on the validation part (stacking, Breiman 1996).

    Unless said otherwise: an autoencoder of users, one of items, and the Bayesian factorisation, which err differently.

    prediction = w_0 + sum_m w_m * prediction of member m. The weights are the ridge regression of the validation ratings on the
    members' predictions, drawn to equal weights that sum to 1 and to w_0 = 0. Where it does better on the validation part
    that weights and constant move with what is known of the pair, they do (feature-weighted linear stacking, Sill et al. 2009;
    see `MetaFeatures`). Members learn from ratings whose standard
    deviation is made that of MovieLens' stars, so that the same penalties suit any rating scale.

    Attributes:
        members: fitted in turn, each with a seed of its own; a text such as "autoencoder encoder=512 weight_decay=0.001|0.003"
            becomes a `Member`, of whose settings the best on the validation set is kept.
        prior_ratings: imaginary validation ratings that say that all weights are equal, above 0.
        feature_ratings: imaginary validation ratings that say that weights do not move with the pair, each above 0: the number
            that does best on the validation part is taken, and none where the same weights for all pairs do better.

    Raises:
        ConfigError: no member, an unknown kind or key, or a value out of its range.
    """

    kind: ClassVar[str] = "ensemble"
    title: ClassVar[str] = "ensemble"
    uses_training_options: ClassVar[bool] = False

    members: tuple[Member, ...] = (
        Member(
            "autoencoder encoder=512 dropout=0.7 offsets=bias weight_decay=0.003 decay_biases=false epochs=60 schedule=cosine"
            " patience=8"
        ),
        Member("autorec side=item weight_decay=0.0004 decay_biases=false epochs=60 schedule=cosine patience=10"),
        Member("bayesian"),
    )
    prior_ratings: float = 100.0
    feature_ratings: tuple[float, ...] = (1000.0, 3000.0, 10000.0)

    def __post_init__(self) -> None:
        conform(self)
        require_ranges(self, above_0=("prior_ratings",))
        if not all(0.0 < number < math.inf for number in self.feature_ratings):
            raise ConfigError(f"feature_ratings: expected numbers above 0, got {list(self.feature_ratings)}")
        if not self.members:
            raise ConfigError('members: expected at least one, for example ["bayesian", "autoencoder encoder=512"]')

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        return "; ".join(f"({number}) {member.summary(num_users, num_items)}" for number, member in enumerate(self.members, 1))

    def build(self, num_users: int, num_items: int, *, seed: int) -> EnsembleModel:
        """The model before fitting, with equal weights, and of each member the first variant."""
        specs = (member.variants[0].spec for member in self.members)
        models: list[RatingModel] = [Rescaled(spec.build(num_users, num_items, seed=seed)) for spec in specs]
        return EnsembleModel(models, num_users, num_items)


class EnsembleModel(RatingModel):
    """See `Ensemble`.

    Args:
        members: M models over the same users and items.
        num_users: users in training.
        num_items: n.
    """

    weights: Tensor
    weights_by_feature: Tensor

    def __init__(self, members: list[RatingModel], num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.members = nn.ModuleList(members)
        self.features = MetaFeatures(num_items)
        self.register_buffer("weights", torch.tensor([0.0, *[1.0 / len(members)] * len(members)]))
        self.register_buffer("weights_by_feature", torch.zeros(0, 1 + len(members)))  # (J, M + 1), J = 0 moves none

    @property
    def variable_buffers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of all members, and how features move their weights."""
        of_members = (f"members.{number}.{name}" for number, one in enumerate(self.models) for name in one.variable_buffers)
        return (*of_members, "weights_by_feature")

    def take(self, weights: npt.NDArray[np.float32], by_feature: npt.NDArray[np.float32]) -> None:
        """Take the weights, float32 (M + 1,), and how features move them, (J, M + 1); without any, features are forgotten."""
        self.weights.copy_(torch.from_numpy(weights))
        self.weights_by_feature = torch.from_numpy(by_feature).to(self.weights)
        if not len(by_feature):
            self.features = MetaFeatures(self.num_items).to(self.weights.device)

    def learn_features(self, train: Ratings) -> None:
        """Take in other training ratings, of the users and items that it was fitted to."""
        if len(self.weights_by_feature):
            self.features.learn(train)

    def scorer(self) -> EnsembleScorer:
        """See `RatingModel.scorer`: those of all members."""
        return EnsembleScorer(self)

    @property
    def models(self) -> list[RatingModel]:
        """The members."""
        return [model for model in self.members if isinstance(model, RatingModel)]


class EnsembleScorer(Scorer):
    """See `Ensemble`; a pair with the features z has the weights w + V^T z.

    Where weights were learnt with times, and none is asked for, all pairs have the weights w: V is of all features together,
    and those that remain would mislead without the others.

    Args:
        model: fitted.
    """

    def __init__(self, model: EnsembleModel) -> None:
        self._members = [member.scorer() for member in model.models]
        self._weights = model.weights.numpy(force=True)
        self._by_feature = model.weights_by_feature.numpy(force=True)
        self._features = model.features.reader() if len(self._by_feature) else None

    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`."""
        weights = np.broadcast_to(self._weights, (len(rows), len(self._weights)))
        if (features := self._known_features(times)) is not None:
            weights = weights + features.of_pairs(history, rows, items, times) @ self._by_feature
        total = weights[:, 0].copy()
        for number, member in enumerate(self._members, 1):
            total += weights[:, number] * member.predict_pairs(history, rows, items, times)
        return total

    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        total = np.full((len(history), history.num_items), self._weights[0], np.float32)
        if (features := self._known_features(None)) is not None:
            of_rows = features.of_rows(history) @ self._by_feature
            total += of_rows[:, :1] + self._of_items[0]
        for number, member in enumerate(self._members, 1):
            scores = member.score_rows(history)
            weight = self._weights[number]
            scores *= weight if features is None else weight + of_rows[:, number, None] + self._of_items[number]
            total += scores
        return total

    def _known_features(self, times: npt.NDArray[np.int64] | None) -> MetaReader | None:
        """What weights move with, None where they are the same for all pairs."""
        is_missed = times is None and self._features is not None and self._features.is_timed
        return None if is_missed else self._features

    @cached_property
    def _of_items(self) -> npt.NDArray[np.float32]:
        """How the items move the weights, (M + 1, n)."""
        assert self._features is not None
        return np.ascontiguousarray((self._features.of_items() @ self._by_feature).T)
