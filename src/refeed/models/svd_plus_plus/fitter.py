"""Fits SVD++: solves for the users of a batch and takes a step of Adam on the items' side."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, Integers, StepReport
from refeed.models.common.building import new_model
from refeed.models.common.checks import require_finite, required_times
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.svd_plus_plus.model import SvdPlusPlusModel
from refeed.models.svd_plus_plus.spec import SvdPlusPlus
from refeed.optim.optimizer_state import load_state_tensors, state_tensors
from refeed.optim.optimizers import fused, set_learning_rate
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime


class SvdPlusPlusFitter(Fitter):
    """Fits SVD++ by variable projection.

    With the users' side at its minimum, the gradient of the items' side is that of the whole objective: Golub & Pereyra, "The
    differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate" (1973).

    Args:
        model: with its initial weights, on its device.
        train: training ratings.
        spec: the model's description.
        seed: of the batches.

    Raises:
        DataError: time_aware and the ratings have no times.
    """

    model: SvdPlusPlusModel

    def __init__(self, model: SvdPlusPlusModel, train: Ratings, spec: SvdPlusPlus, *, seed: int) -> None:
        self.model, self.train, self.spec, self.seed = model, train, spec, seed
        self.epochs, self.patience = spec.epochs, spec.patience
        model.mean.fill_(float(np.asarray(train.values, np.float64).mean()))
        if model.time is not None:
            times = required_times(train, needed_by="svd++ with time_aware", otherwise="leave time_aware out")
            model.time.begin_training(times)
        parameters = list(model.parameters())
        self._optimizer = torch.optim.Adam(parameters, lr=spec.learning_rate, fused=fused(parameters))
        self._batches_of: tuple[int, list[Integers]] = (-1, [])

    @override
    def num_steps(self, epoch: int) -> int:
        return len(self._batches(epoch))

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        batches = self._batches(epoch)
        set_learning_rate(self._optimizer, self._rate(epoch + step / len(batches)))
        history = self.train.rows(batches[step])
        rows = SparseRows.from_history(history, self.model.device)
        implicit = self.model.implicit_sums(rows)
        with torch.no_grad():
            users = self.model.scorer().solve_users(history, rows, implicit)
        predicted = sampled_linear(users.vectors + implicit, self.model.item_factors, rows) + users.at_ratings
        predicted = predicted + self.model.item_part(rows.columns, self.model.times_of(history))
        squared_error = (rows.values - predicted).square().sum()
        loss = squared_error / len(rows.values) + self._penalty() / len(self.train)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        remedy = f"Lower learning_rate (now {self.spec.learning_rate:g})."
        require_finite(self._penalty().item(), where=f"epoch {epoch + 1}, batch {step + 1:,}", remedy=remedy)
        return StepReport(squared_error.item(), len(rows.values))

    @override
    def learning_rate(self, epoch: int) -> float:
        return self._rate(epoch)

    @override
    def state(self) -> dict[str, Tensor]:
        return state_tensors(self._optimizer)

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        load_state_tensors(self._optimizer, tensors)

    def _batches(self, epoch: int) -> list[Integers]:
        if self._batches_of[0] != epoch:
            batches = epoch_batches(self.train.user_counts, self.spec.batch_size, seed=self.seed, epoch=epoch)
            self._batches_of = (epoch, batches)
        return self._batches_of[1]

    def _rate(self, done: float) -> float:
        """The learning rate after a (fractional) number of epochs."""
        return self.spec.learning_rate * (1 + math.cos(math.pi * done / self.epochs)) / 2

    def _penalty(self) -> Tensor:
        """The penalty of the items' side; that of the users' side does not depend on it."""
        model, spec = self.model, self.spec
        penalised = [model.item_factors, model.item_bias, *([] if model.time is None else [model.time.item_bias])]
        of_items = torch.stack([parameter.square().sum() for parameter in penalised]).sum()
        return spec.regularisation * of_items + spec.implicit_regularisation * model.implicit_factors.square().sum()


def build_svd_plus_plus_fitter(spec: SvdPlusPlus, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of SVD++, with a new model."""
    return SvdPlusPlusFitter(new_model(spec, train, runtime), train, spec, seed=runtime.seed)
