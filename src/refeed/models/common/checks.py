"""Checks that several models make: training has not diverged, and ratings have times."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.errors import DataError, TrainingError


def require_finite(loss: float, *, where: str, remedy: str) -> None:
    """Check the loss of a step.

    Args:
        loss: of the step.
        where: for example "epoch 1, batch 7".
        remedy: what to change, a sentence.

    Raises:
        TrainingError: the loss is infinite or not a number.
    """
    if not math.isfinite(loss):
        raise TrainingError(f"{where}: the loss is not a finite number; the steps were too large for these ratings\n  {remedy}")


def required_times(train: Ratings, *, needed_by: str, otherwise: str) -> npt.NDArray[np.integer]:
    """The timestamps of the training ratings, integers (nnz,).

    Args:
        train: training ratings.
        needed_by: the model, and perhaps its option.
        otherwise: what to do without timestamps.

    Raises:
        DataError: there are none.
    """
    if train.timestamps is None:
        raise DataError(
            f"{needed_by} needs to know when each rating was given, and these ratings have no times",
            fix=f"Name the column of the times, or {otherwise}.",
        )
    return train.timestamps
