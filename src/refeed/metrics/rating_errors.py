"""RMSE and MAE of predicted ratings, at once or accumulated over blocks."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError


@dataclass
class ErrorSums:
    """The sums that RMSE and MAE are computed from; `add` takes the pairs in blocks of any size.

    Attributes:
        count: number of pairs added.
        squared: sum of (prediction - truth)^2, in double precision.
        absolute: sum of |prediction - truth|, in double precision.
    """

    count: int = 0
    squared: float = 0.0
    absolute: float = 0.0

    def add(self, truth: npt.ArrayLike, prediction: npt.ArrayLike) -> None:
        """Add pairs of rating and prediction; both arrays have the shape (P,).

        Raises:
            DataError: the lengths differ, or a value is not a finite number.
        """
        error = errors_of(truth, prediction)
        self.count += len(error)
        self.squared += float(error @ error)
        self.absolute += float(np.abs(error).sum())

    @property
    def rmse(self) -> float:
        """Root of the mean squared error.

        Raises:
            DataError: no pair was added.
        """
        return sqrt(self._mean(self.squared))

    @property
    def mae(self) -> float:
        """Mean absolute error.

        Raises:
            DataError: no pair was added.
        """
        return self._mean(self.absolute)

    def _mean(self, total: float) -> float:
        if self.count == 0:
            raise DataError("there are no pairs of rating and prediction to take the mean of")
        return total / self.count


def rmse(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    """Root of the mean of (prediction - truth)^2 over all P pairs; both arrays have the shape (P,).

    Raises:
        DataError: there are no pairs, the lengths differ, or a value is not a finite number.
    """
    sums = ErrorSums()
    sums.add(truth, prediction)
    return sums.rmse


def errors_of(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`prediction - truth` in double precision, float64 (P,).

    Raises:
        DataError: the lengths differ, or a value is not a finite number.
    """
    ratings, predictions = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if ratings.ndim != 1 or ratings.shape != predictions.shape:
        raise DataError(
            f"ratings have the shape {ratings.shape} and predictions {predictions.shape}, expected one prediction per rating"
        )
    _require_finite(ratings, "ratings")
    _require_finite(predictions, "predictions")
    return predictions - ratings


def sums_by_group(groups: npt.NDArray[Any], values: npt.ArrayLike, num_groups: int) -> npt.NDArray[np.float64]:
    """The sum of `values` in each group (for example the squared errors of each user).

    Args:
        groups: integers (P,), the group of each value, 0 to num_groups - 1.
        values: numbers (P,).
        num_groups: number of groups; a group that does not occur has the sum 0.

    Returns:
        float64 (num_groups,), added up in double precision.

    Raises:
        DataError: the lengths differ, or a group is out of range.
    """
    addends = np.asarray(values, np.float64)
    if groups.shape != addends.shape:
        raise DataError(f"groups have the shape {groups.shape} and values {addends.shape}, expected one group per value")
    if len(groups) and not 0 <= groups.min() <= groups.max() < num_groups:
        raise DataError(f"groups run from {groups.min()} to {groups.max()}, expected 0 to {num_groups - 1}")
    return np.bincount(groups, weights=addends, minlength=num_groups).astype(np.float64, copy=False)


def _require_finite(values: npt.NDArray[np.float64], name: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(np.argmax(bad))
        raise DataError(
            f"{int(bad.sum()):,} of {len(values):,} {name} are not finite numbers (the first is number {first + 1:,}: "
            f"{values[first]})",
            fix="A model that diverged in training gives such numbers: lower its learning rate and train again."
            if name == "predictions"
            else None,
        )
