"""Prediction intervals, calibrated by a fitted model's errors on the validation set."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from refeed.data.splits.base import Split
from refeed.inference.histories import Histories
from refeed.inference.scoring import predicted_blocks
from refeed.intervals.conformal import RatingIntervals
from refeed.intervals.spread import ResidualVariance
from refeed.models.base import RatingModel


def learn_intervals(model: RatingModel, split: Split) -> RatingIntervals | None:
    """Calibrate the model's prediction intervals in one pass over the validation set; None where that is empty.

    Args:
        model: fitted to the training set.
        split: training and validation set; the test set is not read.
    """
    valid = split.valid
    if not len(valid):
        return None
    residual_variance, done = ResidualVariance.of(split.train), 0
    errors, spread = np.empty((2, len(valid)))
    with closing(predicted_blocks(model.scorer(), Histories.of_training(split.train), valid)) as blocks:
        for _, block in blocks:
            wanted, places = block.wanted, slice(done, done + len(block.predictions))
            errors[places] = np.abs(wanted.values - valid.scale.clip(block.predictions).astype(np.float64))
            spread[places] = residual_variance.spread(block.history, wanted.row_of_rating, wanted.indices)
            done = places.stop
    return RatingIntervals.learn(residual_variance, errors, spread)
