"""Fits a factor model by alternating ridge regressions: all items with the users fixed, then all users with the items fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import RowBlock, row_blocks
from refeed.models.factors import FactorModel, ridge_penalties
from refeed.models.layers.sampled_linear import sampled_linear
from refeed.models.layers.sparse_rows import SparseRows
from refeed.models.ridge import RidgeSolver
from refeed.training.fitter import StepReport


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


class AlternatingFitter:
    """A step solves for a block of the items or of the users; an epoch for all items, then for all users.

    Nothing is random but the users' initial factors, and the model's factors are all that the next step depends on.

    Args:
        model: with its initial factors, on its device; its offsets are already fitted.
        train: training ratings.
        epochs: how many.
        patience: see `Fitter.patience`.
    """

    def __init__(self, model: FactorModel, train: Ratings, *, epochs: int, patience: int | None) -> None:
        self.model, self.epochs, self.patience = model, epochs, patience
        user_offset, item_offset = model.begin_training(train), model.offsets.item_part()
        users, items = (model.user_factors.data, _data(model.user_bias)), (model.item_factors.data, _data(model.item_bias))
        item_side = Side(train.transposed(), *items, *users, item_offset, user_offset)
        user_side = Side(train, *users, *items, user_offset, item_offset)
        self._steps = [(side, block) for side in (item_side, user_side) for block in row_blocks(side.ratings.indptr)]

    def num_steps(self, epoch: int) -> int:
        """Number of blocks of both sides."""
        del epoch
        return len(self._steps)

    @torch.no_grad()
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve for the rows of a block; the error reported is that after it."""
        del epoch
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

    def learning_rate(self, epoch: int) -> None:
        """There is none."""
        del epoch

    def close(self) -> None:
        """See `Fitter.close`."""
        self._steps = []

    def state(self) -> dict[str, Tensor]:
        """Nothing beyond the model."""
        return {}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Nothing to take up."""
        del tensors


def _data(parameter: torch.nn.Parameter | None) -> Tensor | None:
    return None if parameter is None else parameter.data
