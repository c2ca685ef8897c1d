"""Divergence of a run whose loss stayed finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refeed.data.splits.base import Split
from refeed.errors import TrainingError
from refeed.training.events import EpochRecord


@dataclass(frozen=True)
class DivergenceCheck:
    """Bounds of which a run must keep one in some epoch, that of the training or that of the validation RMSE.

    The error of a prediction within the rating scale is at most the width of the scale. So a training RMSE (of predictions that
    are not clipped) above the width in every epoch means that the weights have become far too large. Clipping hides that from
    the validation RMSE, which is then worse than that of the mean rating. A network that learns slowly, or whose units are all
    dead, passes: its predictions stay near the scale.

    Attributes:
        width: of the rating scale; bounds the training RMSE.
        mean_rmse: validation RMSE of the mean training rating; bounds the validation RMSE.
    """

    width: float
    mean_rmse: float

    @classmethod
    def of(cls, split: Split) -> DivergenceCheck:
        """Return the check for runs on a split."""
        scale, mean = split.train.scale, np.mean(split.train.values, dtype=np.float64)
        errors = np.asarray(split.valid.values, np.float64) - mean
        return cls(scale.maximum - scale.minimum, math.sqrt(np.square(errors).mean()))

    def measure(self, log: Sequence[EpochRecord]) -> None:
        """Check the epochs of a run.

        Raises:
            TrainingError: no epoch is within a bound.
        """
        train = min(record.train_rmse for record in log)
        valid = min(math.inf if record.valid_rmse is None else record.valid_rmse for record in log)
        if train > self.width and valid > self.mean_rmse:
            raise TrainingError(
                f"the training diverged: the best training RMSE is {train:.4g} on a rating scale only {self.width:g} wide, the "
                f"best validation RMSE is {valid:.4g}, that of the mean rating {self.mean_rmse:.4g}\n"
                "  Lower learning_rate, or clip the gradient (gradient_clip=1)."
            )
