"""A model of ratings in another unit than people give them in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.models.base import RatingModel, ScoredModel, Scorer


class Rescaled(ScoredModel):
    """prediction = unit * what `inner`, which knows ratings divided by the unit, predicts.

    Args:
        inner: the model.
        unit: in ratings, above 0.
    """

    unit: Tensor

    def __init__(self, inner: RatingModel, unit: float = 1.0) -> None:
        super().__init__(inner.num_users, inner.num_items)
        self.inner = inner
        self.register_buffer("unit", torch.tensor(unit, dtype=torch.float32, device=inner.device))

    @property
    def variable_buffers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the inner model."""
        return tuple(f"inner.{name}" for name in self.inner.variable_buffers)

    def scorer(self) -> RescaledScorer:
        """See `RatingModel.scorer`."""
        return RescaledScorer(self.inner.scorer(), self.unit.item())


class RescaledScorer(Scorer):
    """See `Rescaled`."""

    def __init__(self, inner: Scorer, unit: float) -> None:
        self._inner, self._unit = inner, unit

    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`."""
        return self._unit * self._inner.predict_pairs(history.in_units_of(self._unit), rows, items, times)

    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        scores = self._inner.score_rows(history.in_units_of(self._unit))
        scores *= self._unit
        return scores
