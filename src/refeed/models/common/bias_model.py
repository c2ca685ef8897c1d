"""Models whose predictions are nothing but offsets."""

from __future__ import annotations

from typing_extensions import override

from refeed.data.history import History
from refeed.models.base import Floats, Integers, RatingModel, Scorer
from refeed.models.common.offsets import Offsets


class BiasModel(RatingModel):
    """rating = mean + item bias + user bias, where a user's bias follows from their history; see `Offsets`."""

    def __init__(self, offsets: Offsets, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.offsets = offsets

    @override
    def scorer(self) -> BiasScorer:
        return BiasScorer(self.offsets)


class BiasScorer(Scorer):
    """Predictions of a `BiasModel`."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets

    @override
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        return self.offsets.user_part(history)[rows] + self.offsets.item_part()[items]

    @override
    def score_rows(self, history: History) -> Floats:
        return self.offsets.user_part(history)[:, None] + self.offsets.item_part()[None, :]
