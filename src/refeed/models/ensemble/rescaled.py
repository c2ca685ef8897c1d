"""Models fitted to ratings of unit spread, so that the same penalties suit any rating scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, Floats, Integers, RatingModel, Scorer, StepReport
from refeed.models.common.factors import rating_spread


class Rescaled(RatingModel):
    """prediction = unit * prediction of `inner`, which is fitted to ratings divided by the unit.

    Args:
        inner: the model.
        unit: above 0, in units of the ratings.
    """

    unit: Tensor

    def __init__(self, inner: RatingModel, unit: float = 1.0) -> None:
        super().__init__(inner.num_users, inner.num_items)
        self.inner = inner
        self.register_buffer("unit", torch.tensor(unit, dtype=torch.float32, device=inner.device))

    @override
    def scorer(self) -> RescaledScorer:
        return RescaledScorer(self.inner.scorer(), self.unit.item())


class RescaledScorer(Scorer):
    """See `Rescaled`."""

    def __init__(self, inner: Scorer, unit: float) -> None:
        self._inner, self._unit = inner, unit

    @override
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        return self._unit * self._inner.predict_pairs(history.in_units_of(self._unit), rows, items, times)

    @override
    def score_rows(self, history: History) -> Floats:
        scores = self._inner.score_rows(history.in_units_of(self._unit))
        scores *= self._unit
        return scores


STAR = 1.12  # standard deviation of MovieLens ratings, with which the penalties of the presets were tuned


class RescaledFitter(Fitter):
    """Fits a model of ratings whose standard deviation is made `STAR`; see `Fitter`, and `Rescaled` for the model.

    Args:
        build: the fitter for ratings in that unit.
        train: training ratings as they were given.
    """

    def __init__(self, build: Callable[[Ratings], Fitter], train: Ratings) -> None:
        self._unit = rating_spread(train) / STAR
        self._inner = build(train.in_units_of(self._unit))
        self.model = Rescaled(self._inner.model, self._unit)
        self.epochs, self.patience = self._inner.epochs, self._inner.patience

    @override
    def num_steps(self, epoch: int) -> int:
        return self._inner.num_steps(epoch)

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Take one step; the errors are reported in units of the ratings as given."""
        report, squared_unit = self._inner.train_step(epoch, step), self._unit**2
        refeed_loss = None if report.refeed_loss is None else squared_unit * report.refeed_loss
        return StepReport(squared_unit * report.squared_error, report.ratings, refeed_loss)

    @override
    def learning_rate(self, epoch: int) -> float | None:
        return self._inner.learning_rate(epoch)

    @override
    def close(self) -> None:
        self._inner.close()

    @override
    def state(self) -> dict[str, Tensor]:
        return self._inner.state()

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        self._inner.load_state(tensors)
