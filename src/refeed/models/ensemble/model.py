"""The model of an ensemble: its members, their weights, and the meta-features that the weights vary with."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.data.ratings import Ratings
from refeed.models.base import Floats, RatingModel
from refeed.models.ensemble.features import MetaFeatures
from refeed.models.ensemble.scorer import EnsembleScorer


class EnsembleModel(RatingModel):
    """Members with the weights of their predictions; see `Ensemble`.

    Args:
        members: M models over the same users and items.
        num_users: users in training.
        num_items: n.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = ("weights_by_feature",)

    weights: Tensor
    weights_by_feature: Tensor

    def __init__(self, members: list[RatingModel], num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.members = nn.ModuleList(members)
        self.features = MetaFeatures(num_items)
        self.register_buffer("weights", torch.tensor([0.0, *[1.0 / len(members)] * len(members)]))
        self.register_buffer("weights_by_feature", torch.zeros(0, 1 + len(members)))  # (J, M + 1), J = 0: constant weights

    def set_weights(self, weights: Floats, by_feature: Floats) -> None:
        """Set the constant weights, float32 (M + 1,), and their varying part, (J, M + 1); J = 0 resets the features too."""
        self.weights.copy_(torch.from_numpy(weights))
        self.weights_by_feature = torch.from_numpy(by_feature).to(self.weights)
        if not len(by_feature):
            self.features = MetaFeatures(self.num_items).to(self.weights.device)

    def learn_features(self, train: Ratings) -> None:
        """Compute the features from other training ratings of the same users and items."""
        if len(self.weights_by_feature):
            self.features.learn(train)

    @override
    def scorer(self) -> EnsembleScorer:
        by_feature = self.weights_by_feature.numpy(force=True)
        return EnsembleScorer(
            [member.scorer() for member in self.models],
            weights=self.weights.numpy(force=True),
            by_feature=by_feature,
            features=self.features.reader() if len(by_feature) else None,
        )

    @property
    def models(self) -> list[RatingModel]:
        """The members."""
        return [model for model in self.members if isinstance(model, RatingModel)]
