"""Fits models to ratings in a unit of their own, so that the same penalties and rates suit any scale."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from refeed.data.ratings import Ratings
from refeed.models.factors import rating_spread
from refeed.models.rescaled import Rescaled
from refeed.training.fitter import Fitter, StepReport

STAR = 1.12  # standard deviation of ratings in stars, those of MovieLens: what our presets' penalties were found with


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
