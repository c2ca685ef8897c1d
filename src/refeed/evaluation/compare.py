"""Two models on the same held-out ratings."""

from __future__ import annotations

import numpy as np

from refeed.errors import DataError
from refeed.evaluation.evaluate import Evaluation
from refeed.metrics.intervals import PairedDifference, paired_difference


def compare(first: Evaluation, second: Evaluation, *, resamples: int = 1000, seed: int = 0) -> PairedDifference:
    """The difference of RMSE, first minus second, from the same resamples of users.

    Raises:
        DataError: the evaluations are of different ratings.
    """
    if not np.array_equal(first.counts_by_user, second.counts_by_user):
        raise DataError("the two evaluations are not of the same ratings, so they cannot be compared in pairs")
    return paired_difference(
        first.squared_by_user, second.squared_by_user, first.counts_by_user, resamples=resamples, seed=seed
    )
