"""Models fitted to ratings of unit spread, so that the same penalties suit any rating scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, RatingModel, Scorer, StepReport
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


STAR = 1.12  # standard deviation of MovieLens ratings, with which the penalties of the presets were tuned


class RescaledFitter:
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

    def num_steps(self, epoch: int) -> int:
        """See `Fitter.num_steps`."""
        return self._inner.num_steps(epoch)

    def train_step(self, epoch: int, step: int) -> StepReport:
        """See `Fitter.train_step`; errors are reported as those of ratings."""
        report, squared_unit = self._inner.train_step(epoch, step), self._unit**2
        refeed_loss = None if report.refeed_loss is None else squared_unit * report.refeed_loss
        return StepReport(squared_unit * report.squared_error, report.ratings, refeed_loss)

    def learning_rate(self, epoch: int) -> float | None:
        """See `Fitter.learning_rate`."""
        return self._inner.learning_rate(epoch)

    def close(self) -> None:
        """See `Fitter.close`."""
        self._inner.close()

    def state(self) -> dict[str, Tensor]:
        """See `Fitter.state`."""
        return self._inner.state()

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """See `Fitter.load_state`."""
        self._inner.load_state(tensors)
