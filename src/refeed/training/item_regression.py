"""Fits EASE: the Gram matrix of the items, its inverse, and the scale of the ratings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.errors import TrainingError
from refeed.models.ease import SCORES_PER_BLOCK, Ease, EaseModel
from refeed.models.layers.sparse_linear import sum_of_rows
from refeed.training.closed_form import fit_offsets
from refeed.training.fitter import OneStepFitter, StepReport

LEAST_SLOPE = 0.1  # of ratings over preferences; anything above 0 keeps the ranking, and this keeps it in single precision


class EaseFitter(OneStepFitter):
    """Fits EASE in one step.

    Args:
        model: to be filled, on its device.
        train: training ratings.
        spec: its description.
    """

    def __init__(self, model: EaseModel, train: Ratings, spec: Ease) -> None:
        self.model, self.train, self.spec = model, train, spec

    @torch.no_grad()
    def solve(self) -> StepReport:
        """See `OneStepFitter.solve`.

        Raises:
            TrainingError: the Gram matrix cannot be inverted.
        """
        fit_offsets(
            self.model.offsets,
            self.train,
            item_regularisation=self.spec.item_regularisation,
            user_regularisation=self.spec.user_regularisation,
        )
        self.model.weights.copy_(item_weights(self._gram(), self.spec.regularisation))
        sums = self._sums()
        line = sums.line_through_zero() if self.spec.target == "ratings" else sums.rising_line()
        self.model.weights.mul_(line.slope)
        self.model.level.fill_(line.level)
        return StepReport(sums.squared_error(line), len(self.train))

    def _blocks(self) -> Iterator[History]:
        """All training users, some at once."""
        size = max(1, SCORES_PER_BLOCK // self.train.num_items)
        for start in range(0, self.train.num_users, size):
            yield self.train.rows(np.arange(start, min(start + size, self.train.num_users)))

    def _gram(self) -> Tensor:
        """X^T X, float64 (n, n)."""
        gram = torch.zeros_like(self.model.weights, dtype=torch.float64)
        for history in self._blocks():
            rows = self.model.inputs(history)
            order, row_of_entry, pointers = rows.by_column
            gram += sum_of_rows(row_of_entry, rows.to_dense(), pointers, rows.values[order])
        return gram

    def _sums(self) -> LineSums:
        """Over the training ratings: their distance from what a prediction has without the weights, and the scores x_u B."""
        total = np.zeros(6)
        item_part = self.model.offsets_of_items()
        for history in self._blocks():
            scores = self.model.score_rows(history)[history.row_of_rating, history.indices].astype(np.float64)
            offsets = self.model.offsets.user_part(history)[history.row_of_rating] + item_part[history.indices]
            x, y = scores - offsets, history.values.astype(np.float64) - offsets
            total += np.array([len(x), x.sum(), y.sum(), x @ x, x @ y, y @ y])
        return LineSums(*total.tolist())


@dataclass(frozen=True)
class Line:
    """y = level + slope * x."""

    slope: float
    level: float


@dataclass(frozen=True)
class LineSums:
    """What a least-squares line needs of its points: their number and the sums of x, y, x^2, x y and y^2."""

    count: float
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    def line_through_zero(self) -> Line:
        """The best line without a level; all scores 0 leave it flat."""
        return Line(self.xy / self.xx if self.xx > 0 else 0.0, 0.0)

    def rising_line(self) -> Line:
        """The best line whose slope is at least LEAST_SLOPE."""
        mean_x, mean_y = self.x / self.count, self.y / self.count
        variance, covariance = self.xx / self.count - mean_x**2, self.xy / self.count - mean_x * mean_y
        slope = max(covariance / variance if variance > 0 else 0.0, LEAST_SLOPE)
        return Line(slope, mean_y - slope * mean_x)

    def squared_error(self, line: Line) -> float:
        """Sum of the squared distances of the points from a line."""
        a, b = line.level, line.slope
        error = self.yy - 2 * a * self.y - 2 * b * self.xy + self.count * a**2 + 2 * a * b * self.x + b**2 * self.xx
        return max(error, 0.0)


def item_weights(gram: Tensor, regularisation: float) -> Tensor:
    """B = argmin |X - X B|^2 + regularisation |B|^2 with a zero diagonal; Steck (2019), equation 8.

    Args:
        gram: X^T X, float64 (n, n); it is overwritten.
        regularisation: above 0.

    Returns:
        float64 (n, n).

    Raises:
        TrainingError: the Gram matrix cannot be inverted.
    """
    gram.diagonal().add_(regularisation)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed:
        raise TrainingError(
            f"ease: the items' Gram matrix cannot be inverted with regularisation {regularisation:g}\n  Raise regularisation."
        )
    inverse = torch.cholesky_inverse(factor)
    inverse /= -inverse.diagonal()
    return inverse.fill_diagonal_(0.0)
