"""The errors of a fitted model on held-out ratings, summed by user as they are predicted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.fitted_model import FittedModel
from refeed.inference.histories import Histories
from refeed.inference.scoring import Predicted, predicted_blocks
from refeed.metrics.coverage import LEVELS, Bounds, CoverageSums
from refeed.metrics.rating_errors import ErrorSums, errors_of, sums_by_group
from refeed.progress import Callback


@dataclass(frozen=True, eq=False)
class UserErrors:
    """Sums of errors, of U users.

    Attributes:
        squared: float64 (U,), sum of each user's squared errors, predictions clipped to the scale.
        absolute: float64 (U,), sum of each user's absolute errors, likewise.
        clipped: errors over all users, predictions clipped to the scale.
        unclipped: errors over all users, predictions not clipped.
        coverage: of the prediction intervals; None where the model has none.
    """

    squared: npt.NDArray[np.float64]
    absolute: npt.NDArray[np.float64]
    clipped: ErrorSums
    unclipped: ErrorSums
    coverage: CoverageSums | None


def user_errors(fitted: FittedModel, histories: Histories, targets: Ratings, *, progress: Callback) -> UserErrors:
    """Predict the targets in blocks of users and keep sums only, so that memory does not grow with the number of targets.

    Args:
        fitted: the model.
        histories: the ratings that it may use.
        targets: the ratings to predict, under the vocabularies of the histories.
        progress: called with the number of users that are done.

    Raises:
        DataError: there are no targets, or a prediction is not a finite number.
    """
    squared, absolute = np.zeros((2, targets.num_users))
    clipped, unclipped = ErrorSums(), ErrorSums()
    coverage = None if fitted.intervals is None else CoverageSums(targets.num_users)
    with closing(predicted_blocks(fitted.scorer(), histories, targets, progress=progress)) as blocks:
        for users, block in blocks:
            truth, rows, predictions = block.wanted.values, block.wanted.row_of_rating, fitted.scale.clip(block.predictions)
            unclipped.add(truth, block.predictions)
            clipped.add(truth, predictions)
            errors = errors_of(truth, predictions)
            squared[users] = sums_by_group(rows, errors**2, len(users))
            absolute[users] = sums_by_group(rows, np.abs(errors), len(users))
            if coverage is not None:
                coverage.add(users, rows, truth, predictions, _bounds(fitted, block, predictions))
    return UserErrors(squared, absolute, clipped, unclipped, coverage)


def _bounds(fitted: FittedModel, block: Predicted, predictions: npt.NDArray[np.float32]) -> Bounds:
    """The ends of the intervals around the clipped predictions of a block, at each of LEVELS."""
    assert fitted.intervals is not None
    spread = fitted.intervals.residual_variance.spread(block.history, block.wanted.row_of_rating, block.wanted.indices)
    return fitted.intervals.bounds(predictions, spread, level=LEVELS, scale=fitted.scale)
