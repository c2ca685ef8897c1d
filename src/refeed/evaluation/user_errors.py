"""The errors of a fitted model on held-out ratings, summed up by user as they are predicted."""

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
        absolute: float64 (U,), sum of the absolute ones.
        clipped: over all users.
        unclipped: over all users, predictions as they are.
        coverage: of the prediction intervals, None where the model has none.
    """

    squared: npt.NDArray[np.float64]
    absolute: npt.NDArray[np.float64]
    clipped: ErrorSums
    unclipped: ErrorSums
    coverage: CoverageSums | None


def user_errors(fitted: FittedModel, histories: Histories, targets: Ratings, *, progress: Callback) -> UserErrors:
    """Predict the targets in blocks of users and keep sums alone, so that memory does not grow with their number.

    Args:
        fitted: the model.
        histories: what it may see.
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
            wanted, kept = block.wanted, fitted.scale.clip(block.predictions)
            unclipped.add(wanted.values, block.predictions)
            clipped.add(wanted.values, kept)
            errors = errors_of(wanted.values, kept)
            squared[users] = sums_by_group(wanted.row_of_rating, errors**2, len(users))
            absolute[users] = sums_by_group(wanted.row_of_rating, np.abs(errors), len(users))
            if coverage is not None:
                coverage.add(users, wanted.row_of_rating, wanted.values, kept, _bounds(fitted, block, kept))
    return UserErrors(squared, absolute, clipped, unclipped, coverage)


def _bounds(fitted: FittedModel, block: Predicted, kept: npt.NDArray[np.float32]) -> Bounds:
    """The ends of the intervals around the clipped predictions of a block, at each of LEVELS."""
    assert fitted.intervals is not None
    spread = fitted.intervals.residual_variance.spread(block.history, block.wanted.row_of_rating, block.wanted.indices)
    return fitted.intervals.bounds(kept, spread, level=LEVELS, scale=fitted.scale)
