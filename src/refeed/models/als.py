"""Matrix factorisation by alternating least squares, each row's penalty weighted by its number of ratings (ALS-WR)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt
from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import RowBlock, row_blocks
from refeed.models.base import Fitter, Floats, Spec, StepReport
from refeed.models.common.building import with_offsets
from refeed.models.common.factors import FactorModel, rating_spread, ridge_penalties
from refeed.models.common.offsets import OffsetKind, Offsets
from refeed.models.common.ridge import RidgeSolver
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime


@dataclass(frozen=True)
class ALS(Spec):
    """Matrix factorisation by alternating ridge regressions (ALS-WR); Zhou et al. (2008), section 3.

    Minimises sum (r_ui - offset - p_u . q_i - b_u - c_i)^2 + sum_u penalty_u (|p_u|^2 + b_u^2)
    + sum_i penalty_i (|q_i|^2 + c_i^2) by solving for all items with the users fixed, then for all users with the items fixed.

    Attributes:
        factors: length of the vectors of users and items, at least 1.
        regularisation: lambda / standard deviation of the ratings (so that it suits any rating scale), above 0.
        weighted: penalise a user or item by lambda times its number of ratings, otherwise by lambda.
        biased: also fit a bias for each user and item, together with its vector.
        epochs: passes over the items and the users, at least 1.
        patience: epochs without a lower validation RMSE after which fitting stops; none never stops early.
        offsets: what is subtracted from the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import ALS, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(ALS(factors=2, epochs=3), RandomSplit().apply(ratings))
        FittedModel(als, 30 users x 40 items, 210 trained weights)
    """

    kind: ClassVar[str] = "als"
    title: ClassVar[str] = "ALS"

    factors: PositiveInt = 50
    regularisation: PositiveFloat = 0.07
    weighted: bool = True
    biased: bool = True
    epochs: PositiveInt = 30
    patience: PositiveInt | None = 5
    offsets: OffsetKind = "mean"
    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0

    def in_units_of(self, spread: float) -> ALS:
        """The description with lambda itself as regularisation, for ratings of this standard deviation."""
        return replace(self, regularisation=self.regularisation * spread)

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return f"{'biased ' if self.biased else ''}matrix factorisation by ALS, {self.factors:,} factors"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> FactorModel:
        return FactorModel(
            num_users,
            num_items,
            factors=self.factors,
            biased=self.biased,
            offsets=Offsets(
                self.offsets, num_items, item_damping=self.item_regularisation, user_damping=self.user_regularisation
            ),
            regularisation=self.regularisation,
            weighted=self.weighted,
            seed=seed,
        )


@dataclass(frozen=True, eq=False)
class Side:
    """The users or the items, to be solved for: r rows over c columns.

    Attributes:
        ratings: users x items, or items x users.
        factors: of the rows, (r, k), solved in place.
        bias: of the rows, (r,), or None.
        other_factors: of the columns, (c, k).
        other_bias: of the columns, (c,), or None.
        row_offset: subtracted from the ratings of each row, float32 (r,).
        column_offset: subtracted from the ratings of each column, float32 (c,).
    """

    ratings: Ratings
    factors: Tensor
    bias: Tensor | None
    other_factors: Tensor
    other_bias: Tensor | None
    row_offset: Floats
    column_offset: Floats

    def targets(self, block: RowBlock) -> History:
        """The rows of a block with the targets of their regressions as values: ratings less offsets and column biases."""
        history = self.ratings.rows(np.arange(block.rows.start, block.rows.stop))
        of_column = self.column_offset if self.other_bias is None else self.column_offset + self.other_bias.numpy(force=True)
        history.values[:] -= self.row_offset[block.rows][block.row_of_rating] + of_column[history.indices]
        return history


class AlternatingFitter(Fitter):
    """Solves for a block of the items or of the users in a step, for all items and then all users in an epoch.

    Only the initial factors are random, and the next step depends on the model alone.

    Args:
        model: with its initial factors, on its device; its offsets are already fitted.
        train: training ratings.
        epochs: number of epochs.
        patience: see `Fitter`.
    """

    model: FactorModel

    def __init__(self, model: FactorModel, train: Ratings, *, epochs: int, patience: int | None) -> None:
        self.model, self.epochs, self.patience = model, epochs, patience
        user_offset, item_offset = model.begin_training(train), model.offsets.item_part()
        users, items = (model.user_factors.data, _data(model.user_bias)), (model.item_factors.data, _data(model.item_bias))
        item_side = Side(train.transposed(), *items, *users, item_offset, user_offset)
        user_side = Side(train, *users, *items, user_offset, item_offset)
        self._steps = [(side, block) for side in (item_side, user_side) for block in row_blocks(side.ratings.indptr)]

    @override
    def num_steps(self, epoch: int) -> int:
        """Number of blocks of both sides."""
        return len(self._steps)

    @override
    @torch.no_grad()
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve for the rows of a block; the reported error is that of the solution."""
        side, block = self._steps[step]
        targets = side.targets(block)
        solver = RidgeSolver(side.other_factors, intercept=side.bias is not None)
        penalties = ridge_penalties(self.model.regularisation.item(), block.counts, weighted=self.model.weighted)
        solved, width = solver.solve(targets, penalties), side.factors.shape[1]
        side.factors[block.rows] = solved[:, :width]
        if side.bias is not None:
            side.bias[block.rows] = solved[:, width]
        entries = SparseRows.from_history(targets, self.model.device)
        errors = entries.values - sampled_linear(side.factors[block.rows], side.other_factors, entries)
        if side.bias is not None:
            errors -= side.bias[block.rows][entries.row_of_entry]
        return StepReport(errors.square().sum(dtype=torch.float64).item(), len(errors))

    @override
    def close(self) -> None:
        self._steps = []


def _data(parameter: torch.nn.Parameter | None) -> Tensor | None:
    return None if parameter is None else parameter.data


def build_als_fitter(spec: ALS, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of ALS, with a new model."""
    model = with_offsets(spec.in_units_of(rating_spread(train)), train, runtime)
    return AlternatingFitter(model, train, epochs=spec.epochs, patience=spec.patience)
