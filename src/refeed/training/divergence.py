"""When a run whose numbers stayed finite has diverged all the same."""

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
    """What a run must do better than in one epoch at least, on the training or on the validation part.

    An answer within the rating scale errs by its width at most, whatever it is. So a training RMSE (of answers that are not
    clipped) above the width in every epoch means that the weights have grown beyond all measure. Clipping hides that from the
    validation RMSE, which is then worse than that of the mean rating. A network that learns slowly, or whose units have all
    died, passes: it stays near answers of the scale.

    Attributes:
        width: of the rating scale.
        mean_rmse: validation RMSE of the mean training rating.
    """

    width: float
    mean_rmse: float

    @classmethod
    def of(cls, split: Split) -> DivergenceCheck:
        """The check against the errors of a constant, on a split."""
        scale, mean = split.train.scale, np.mean(split.train.values, dtype=np.float64)
        errors = np.asarray(split.valid.values, np.float64) - mean
        return cls(scale.maximum - scale.minimum, math.sqrt(np.square(errors).mean()))

    def measure(self, log: Sequence[EpochRecord]) -> None:
        """Judge a run by its epochs.

        Raises:
            TrainingError: no epoch was better.
        """
        train = min(record.train_rmse for record in log)
        valid = min(math.inf if record.valid_rmse is None else record.valid_rmse for record in log)
        if train > self.width and valid > self.mean_rmse:
            raise TrainingError(
                f"the training diverged: its RMSE was {train:.4g} at best, where answers within the rating scale err by "
                f"{self.width:g} at most; on the validation part {valid:.4g}, where the mean rating has {self.mean_rmse:.4g}\n"
                "  Lower learning_rate, or clip the gradient (gradient_clip=1)."
            )
