"""Predictions of an ensemble: the weighted sums of its members'."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, Scorer
from refeed.models.ensemble.features import MetaReader


class EnsembleScorer(Scorer):
    """Predicts by the weights w + V^T z for a pair with the meta-features z.

    Where the weights were learnt with times and none is requested, all pairs have the weights w: V was fitted to all features
    jointly, and those that remain would mislead without the others.

    Args:
        members: scorers of the M members.
        weights: w, float32 (M + 1,), the intercept first.
        by_feature: V, float32 (J, M + 1).
        features: what computes z; None where J = 0.
    """

    def __init__(
        self,
        members: Sequence[Scorer],
        *,
        weights: Floats,
        by_feature: Floats,
        features: MetaReader | None,
    ) -> None:
        self._members, self._weights, self._by_feature, self._features = members, weights, by_feature, features

    @override
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        weights = np.broadcast_to(self._weights, (len(rows), len(self._weights)))
        if (features := self._known_features(times)) is not None:
            weights = weights + features.of_pairs(history, rows, items, times) @ self._by_feature
        total = weights[:, 0].copy()
        for number, member in enumerate(self._members, 1):
            total += weights[:, number] * member.predict_pairs(history, rows, items, times)
        return total

    @override
    def score_rows(self, history: History) -> Floats:
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

    def _known_features(self, times: Integers | None) -> MetaReader | None:
        """What the weights vary with; None where they are constant."""
        is_missed = times is None and self._features is not None and self._features.is_timed
        return None if is_missed else self._features

    @cached_property
    def _of_items(self) -> Floats:
        """The part of the weights that varies with the item, (M + 1, n)."""
        assert self._features is not None
        return np.ascontiguousarray((self._features.of_items() @ self._by_feature).T)
