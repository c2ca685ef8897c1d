"""EASE: a linear model from the items that a user rated to all items, in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt
from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.errors import ConfigError, TrainingError
from refeed.models.base import Fitter, Floats, Integers, OneStepFitter, RatingModel, Scorer, Spec, StepReport
from refeed.models.common.building import new_model
from refeed.models.common.offsets import Offsets
from refeed.models.common.pairs import centred
from refeed.models.common.sparse_linear import sum_of_rows
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

SCORES_PER_BLOCK = 1 << 22  # of users by all items, held at once where single pairs are requested
BYTES_PER_WEIGHT = 24  # while fitting: the Gram matrix and its inverse in double precision, the weights and a temporary


@dataclass(frozen=True)
class Ease(Spec):
    """EASE: every item as a linear function of all other items, in closed form; for ratings or for ranking.

    Steck, "Embarrassingly shallow autoencoders for sparse data" (2019): B = argmin |X - X B|^2 + regularisation |B|^2 with a
    zero diagonal, which is B_ij = -P_ij / P_jj with P = (X^T X + regularisation I)^-1. The `target` says what X is:

    - "ratings": the residuals of the ratings after the mean and the user and item biases, 0 where there is no rating. The
      prediction is bias + gain * (x_u B)_i. Fitting the zeros makes B too small for ratings, so it is scaled by the number
      `gain` that fits the training ratings best.
    - "implicit": 1 where there is a rating, whatever its value, for ranked lists. The scores x_u B are preferences. To be on
      the scale of the ratings they are mapped by the least-squares line through the training ratings, of slope at least
      `LEAST_SLOPE`, and shifted by the user's bias, which keeps each user's ranking. The RMSE of such predictions says little:
      judge them by their lists.

    Attributes:
        target: "ratings" or "implicit".
        regularisation: penalty on the weights, above 0.
        item_regularisation: pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.
        most_items: refuse more items than this; fitting holds about 24 bytes for each pair of items (20,000 items: 10 GB).

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import Ease, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(Ease(), RandomSplit().apply(ratings))
        FittedModel(ease, 30 users x 40 items, 1,600 trained weights)
    """

    kind: ClassVar[str] = "ease"
    title: ClassVar[str] = "EASE"

    target: Literal["ratings", "implicit"] = "ratings"
    regularisation: PositiveFloat = 3000.0
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0
    most_items: PositiveInt = 20_000

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"EASE over {num_items:,} items, {self.target}"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> EaseModel:
        """The model before fitting.

        Raises:
            ConfigError: more items than `most_items`.
        """
        if num_items > self.most_items:
            raise ConfigError(
                f"ease: its weights are items x items, and {num_items:,} items are more than most_items = {self.most_items:,}\n"
                f"  Fitting them takes about {BYTES_PER_WEIGHT * num_items**2 / 1e9:,.0f} GB of memory; if you have that, "
                f"set most_items={num_items}; otherwise leave out rare items or choose another model."
            )
        return EaseModel(self, num_users, num_items)


class EaseModel(RatingModel):
    """The weights of `Ease`.

    Attributes:
        weights: gain * B, (n, n); column i predicts item i.
        level: added to every score of target "implicit".
    """

    level: Tensor

    def __init__(self, spec: Ease, num_users: int, num_items: int) -> None:
        super().__init__(num_users, num_items)
        self.spec = spec
        self.offsets = Offsets("bias", num_items, item_damping=spec.item_regularisation, user_damping=spec.user_regularisation)
        self.weights = nn.Parameter(torch.zeros(num_items, num_items), requires_grad=False)
        self.register_buffer("level", torch.zeros((), dtype=torch.float32))

    def inputs(self, history: History) -> SparseRows:
        """The rows x of B users."""
        rows = SparseRows.from_history(centred(history, self.offsets.of_entries(history)), self.device)
        return rows if self.spec.target == "ratings" else rows.with_values(torch.ones_like(rows.values))

    def offsets_of_items(self) -> Floats:
        """The part of a prediction that depends on the item alone, float32 (n,)."""
        if self.spec.target == "ratings":
            return self.offsets.item_part()
        return np.full(self.num_items, self.level.item(), np.float32)

    @override
    def scorer(self) -> EaseScorer:
        return EaseScorer(self)


class EaseScorer(Scorer):
    """Predictions of `Ease`, from each user's history alone.

    Args:
        model: fitted.
        scores_per_block: scores of users by all items that are held at once where pairs are requested.
    """

    def __init__(self, model: EaseModel, *, scores_per_block: int = SCORES_PER_BLOCK) -> None:
        self._model, self._scores_per_block = model, scores_per_block

    @override
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        """Score the users of the pairs on all items, block by block."""
        predictions = np.empty(len(rows), np.float32)
        order = np.argsort(rows, kind="stable")
        users, starts = np.unique(rows[order], return_index=True)
        ends = np.append(starts[1:], len(rows))
        size = max(1, self._scores_per_block // self._model.num_items)
        for first in range(0, len(users), size):
            block = users[first : first + size]
            pairs = order[starts[first] : ends[first + len(block) - 1]]
            scores = self.score_rows(history.rows(block))
            predictions[pairs] = scores[np.searchsorted(block, rows[pairs]), items[pairs]]
        return predictions

    @override
    @torch.no_grad()
    def score_rows(self, history: History) -> Floats:
        model, rows = self._model, self._model.inputs(history)
        scores: Floats = sum_of_rows(rows.columns, model.weights, rows.indptr, rows.values).numpy(force=True)
        scores += model.offsets.user_part(history)[:, None]
        scores += model.offsets_of_items()
        return scores


LEAST_SLOPE = 0.1  # ratings per unit of preference; any slope above 0 keeps the ranking, and this one does in single precision


class EaseFitter(OneStepFitter):
    """Fits EASE.

    Args:
        model: to be filled, on its device.
        train: training ratings.
        spec: its description.
    """

    model: EaseModel

    def __init__(self, model: EaseModel, train: Ratings, spec: Ease) -> None:
        self.model, self.train, self.spec = model, train, spec

    @override
    @torch.no_grad()
    def solve(self) -> StepReport:
        self.model.offsets.fit(self.train)
        self.model.weights.copy_(item_weights(self._gram(), self.spec.regularisation))
        sums = self._sums()
        line = sums.line_through_zero() if self.spec.target == "ratings" else sums.rising_line()
        self.model.weights.mul_(line.slope)
        self.model.level.fill_(line.level)
        return StepReport(sums.squared_error(line), len(self.train))

    def _blocks(self) -> Iterator[History]:
        """The training users, block by block."""
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
        """Over the training ratings: x is the score x_u B, y the rating less its user's and item's part."""
        total = np.zeros(6)
        item_part, scorer = self.model.offsets_of_items(), self.model.scorer()
        for history in self._blocks():
            scores = scorer.score_rows(history)[history.row_of_rating, history.indices].astype(np.float64)
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
    """The sufficient statistics of a least-squares line: the number of points and the sums of x, y, x^2, x y and y^2."""

    count: float
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    def line_through_zero(self) -> Line:
        """The least-squares line of level 0; flat where all x are 0."""
        return Line(self.xy / self.xx if self.xx > 0 else 0.0, 0.0)

    def rising_line(self) -> Line:
        """The least-squares line of slope at least `LEAST_SLOPE`."""
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


def build_ease_fitter(spec: Ease, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of EASE, with a new model."""
    return EaseFitter(new_model(spec, train, runtime), train, spec)
