"""Fits SVD++: the users of a batch are solved for, the items' side takes a step of Adam."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.errors import DataError, TrainingError
from refeed.models.base import Fitter, StepReport
from refeed.models.common.building import new_model
from refeed.models.common.sampled_linear import sampled_linear
from refeed.models.common.sparse_rows import SparseRows
from refeed.models.svd_plus_plus.model import SvdPlusPlusModel
from refeed.models.svd_plus_plus.spec import SvdPlusPlus
from refeed.optim.optimizer_state import load_state_tensors, state_tensors
from refeed.optim.optimizers import fused, set_learning_rate
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime


class SvdPlusPlusFitter(Fitter):
    """Variable projection: where the users' side is at its minimum, the slope of the items' side alone is that of the whole.

    Golub & Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
    separate" (1973).

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
            if train.timestamps is None:
                raise DataError(
                    "svd++ with time_aware needs to know when ratings were given, and these have no times",
                    fix="Name the column of the times, or leave time_aware out.",
                )
            model.time.begin_training(train.timestamps)
        parameters = list(model.parameters())
        self._optimizer = torch.optim.Adam(parameters, lr=spec.learning_rate, fused=fused(parameters))
        self._batches_of: tuple[int, list[npt.NDArray[np.int64]]] = (-1, [])

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
            people = self.model.scorer().people(history, rows, implicit)
        predicted = sampled_linear(people.vectors + implicit, self.model.item_factors, rows) + people.at_ratings
        predicted = predicted + self.model.item_part(rows.columns, self.model.times_of(history))
        squared_error = (rows.values - predicted).square().sum()
        loss = squared_error / len(rows.values) + self._penalty() / len(self.train)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        self._require_finite(f"epoch {epoch + 1}, batch {step + 1:,}")
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

    def _batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._batches_of[0] != epoch:
            batches = epoch_batches(self.train.user_counts, self.spec.batch_size, seed=self.seed, epoch=epoch)
            self._batches_of = (epoch, batches)
        return self._batches_of[1]

    def _rate(self, done: float) -> float:
        """The learning rate after so many epochs."""
        return self.spec.learning_rate * (1 + math.cos(math.pi * done / self.epochs)) / 2

    def _penalty(self) -> Tensor:
        """Of the items' side; that of the users' side does not change with it."""
        model, spec = self.model, self.spec
        penalised = [model.item_factors, model.item_bias, *([] if model.time is None else [model.time.item_bias])]
        of_items = torch.stack([parameter.square().sum() for parameter in penalised]).sum()
        return spec.regularisation * of_items + spec.implicit_regularisation * model.implicit_factors.square().sum()

    @torch.no_grad()
    def _require_finite(self, where: str) -> None:
        if not math.isfinite(self._penalty().item()):
            raise TrainingError(
                f"{where}: the factors are not finite numbers; the steps were too large for these ratings\n"
                f"  Lower learning_rate (now {self.spec.learning_rate:g})."
            )


def build_svd_plus_plus_fitter(spec: SvdPlusPlus, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """The fitter of SVD++; see `registry.KINDS`."""
    return SvdPlusPlusFitter(new_model(spec, train, runtime), train, spec, seed=runtime.seed)
