"""Matrix factorisation by alternating least squares, each row's penalty weighted by its number of ratings (ALS-WR)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat, PositiveInt
from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import RowBlock, row_blocks
from refeed.models.base import Fitter, Spec, StepReport
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

    Minimises sum (r_ui - offset - p_u . q_i - b_u - c_i)^2 + sum_u penalty_u (|p_u|^2 + b_u^2) + the same of the items, by
    solving for all items with the users fixed, then for all users with the items fixed.

    Attributes:
        factors: numbers in the vector of a user or an item, at least 1.
        regularisation: lambda / standard deviation of the ratings (so that it suits any rating scale), above 0.
        weighted: a row's penalty is lambda times its number of ratings; else it is lambda.
        biased: users and items also have a bias, solved for with their vector.
        epochs: sweeps over the items and the users, at least 1.
        patience: epochs without a better validation RMSE after which fitting stops; none never stops early.
        offsets: what is taken off the ratings first: "none", "mean", or "bias" (mean, user and item biases).
        item_regularisation: for offsets "bias": imaginary ratings that pull an item's bias to 0, at least 0.
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
        """The same for ratings of this standard deviation, with lambda itself as regularisation."""
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
    """One side of the ratings, to be solved for: r rows over c columns.

    Attributes:
        ratings: users x items, or items x users.
        factors: of the rows, (r, k), solved in place.
        bias: of the rows, (r,), or None.
        other_factors: of the columns, (c, k).
        other_bias: of the columns, (c,), or None.
        row_offset: what is taken off a rating for its row, float32 (r,).
        column_offset: the same for its column, float32 (c,).
    """

    ratings: Ratings
    factors: Tensor
    bias: Tensor | None
    other_factors: Tensor
    other_bias: Tensor | None
    row_offset: npt.NDArray[np.float32]
    column_offset: npt.NDArray[np.float32]

    def targets(self, block: RowBlock) -> History:
        """The rows of a block, with what the rows' own vectors and biases have to explain as values."""
        history = self.ratings.rows(np.arange(block.rows.start, block.rows.stop))
        taken_off = self.column_offset if self.other_bias is None else self.column_offset + self.other_bias.numpy(force=True)
        history.values[:] -= self.row_offset[block.rows][block.row_of_rating] + taken_off[history.indices]
        return history


class AlternatingFitter(Fitter):
    """A step solves for a block of the items or of the users; an epoch for all items, then for all users.

    Nothing is random but the users' initial factors, and the model's factors are all that the next step depends on.

    Args:
        model: with its initial factors, on its device; its offsets are already fitted.
        train: training ratings.
        epochs: how many.
        patience: see `Fitter.patience`.
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
        targets, device = side.targets(block), self.model.device
        solver = RidgeSolver(side.other_factors, intercept=side.bias is not None)
        penalties = ridge_penalties(self.model.regularisation.item(), block.counts, weighted=self.model.weighted)
        solved, width = solver.solve(targets, penalties), side.factors.shape[1]
        side.factors[block.rows] = solved[:, :width]
        if side.bias is not None:
            side.bias[block.rows] = solved[:, width]
        places = SparseRows.from_history(targets, device)
        errors = places.values - sampled_linear(side.factors[block.rows], side.other_factors, places)
        if side.bias is not None:
            errors -= side.bias[block.rows][places.row_of_entry]
        return StepReport(errors.square().sum(dtype=torch.float64).item(), len(errors))

    @override
    def close(self) -> None:
        self._steps = []


def _data(parameter: torch.nn.Parameter | None) -> Tensor | None:
    return None if parameter is None else parameter.data


def build_als_fitter(spec: ALS, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of ALS; see `registry.KINDS`."""
    model = with_offsets(spec.in_units_of(rating_spread(train)), train, runtime)
    return AlternatingFitter(model, train, epochs=spec.epochs, patience=spec.patience)
