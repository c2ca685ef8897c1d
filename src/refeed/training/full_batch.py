"""Fits an autoencoder by steps on the loss over all training ratings at once: Rprop and L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer, Rprop

from refeed.data.batches import derive_seed, epoch_batches
from refeed.data.ratings import Ratings
from refeed.errors import TrainingError
from refeed.models.autoencoder import AutoEncoderModel
from refeed.models.layers.sparse_rows import SparseRows
from refeed.training.fitter import StepReport
from refeed.training.optimizer_state import load_state_tensors, state_tensors
from refeed.training.options import TrainingOptions

ITERATIONS = 10  # of L-BFGS in a step: each step evaluates its start once more than it would have to
MEMORY = 10  # pairs of steps and gradient changes that L-BFGS keeps, each as large as the model

BUILDERS: dict[str, Callable[[list[nn.Parameter], TrainingOptions], Optimizer]] = {
    "rprop": lambda parameters, options: Rprop(parameters, lr=options.learning_rate),
    "lbfgs": lambda parameters, _: LBFGS(parameters, max_iter=ITERATIONS, history_size=MEMORY, line_search_fn="strong_wolfe"),
}


class FullBatchFitter:
    """One step an epoch: of Rprop (Riedmiller & Braun 1993), or ten iterations of L-BFGS with a strong Wolfe line search.

    The objective is the mean squared error over all ratings + weight_decay / 2 * |weights|^2, evaluated in chunks of
    `batch_size` rows; the rows are kept in memory. Dropout draws the same values in all evaluations of one step.

    Args:
        model: with its initial weights, on its device; its offsets are already fitted.
        train: training ratings.
        options: how to train.
        seed: of dropout.
    """

    def __init__(self, model: AutoEncoderModel, train: Ratings, options: TrainingOptions, *, seed: int) -> None:
        self.model, self.options, self.seed = model, options, seed
        self.epochs, self.patience = options.epochs, options.patience
        source = model.training_source(train)
        batches = epoch_batches(source.counts, options.batch_size, seed=seed, epoch=0, shuffle=False)
        self._chunks = [SparseRows.from_history(source.rows(batch), model.device) for batch in batches]
        self._num_ratings = int(source.counts.sum())
        self._parameters = list(model.network.parameters())
        self._optimizer = BUILDERS[options.optimizer](self._parameters, options)
        self._noise = torch.Generator(device=model.device)
        self._precision: torch.dtype = getattr(torch, options.precision)

    def num_steps(self, epoch: int) -> int:
        """One."""
        del epoch
        return 1

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Step on the whole training set; see `Fitter.train_step`."""
        del step
        before: list[float] = []

        def objective() -> Tensor:
            squared_error = self._accumulate(epoch)
            before.append(squared_error)
            return squared_error / self._num_ratings + self._penalty()

        self._optimizer.step(objective)  # type: ignore[arg-type]
        if not math.isfinite(before[0]):
            raise TrainingError(
                f"epoch {epoch + 1}: the loss is not a finite number\n  Raise weight_decay, or choose optimizer=adam."
            )
        return StepReport(before[0], self._num_ratings)

    def learning_rate(self, epoch: int) -> float | None:
        """The first step of each weight for Rprop; L-BFGS has none."""
        del epoch
        return self.options.learning_rate if self.options.optimizer == "rprop" else None

    def close(self) -> None:
        """See `Fitter.close`."""
        self._chunks = []

    def state(self) -> dict[str, Tensor]:
        """The optimiser's tensors."""
        return {f"{self.options.optimizer}/{name}": value for name, value in state_tensors(self._optimizer).items()}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up the optimiser's tensors of an earlier run; without any of the same optimiser, this one starts anew."""
        prefix = f"{self.options.optimizer}/"
        own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        if own:
            load_state_tensors(self._optimizer, own)

    def _accumulate(self, epoch: int) -> float:
        """The sum of squared errors over all ratings; leaves the gradient of their mean at the parameters."""
        network, total = self.model.network, 0.0
        self._optimizer.zero_grad(set_to_none=True)
        for number, rows in enumerate(self._chunks):
            self._noise.manual_seed(derive_seed(self.seed, "dropout", epoch, number))
            hidden = network.hidden_of_rows(rows, self._noise, precision=self._precision)
            squared_error = (network.output_at(hidden, rows) - rows.values).square().sum()
            (squared_error / self._num_ratings).backward()  # type: ignore[no-untyped-call]
            total += squared_error.item()
        return total

    def _penalty(self) -> Tensor:
        """The L2 penalty; adds its gradient to the parameters'."""
        penalised = [weight for weight in self._parameters if weight.dim() > 1 or self.options.decay_biases]
        penalty = self.options.weight_decay / 2 * torch.stack([weight.square().sum() for weight in penalised]).sum()
        penalty.backward()  # type: ignore[no-untyped-call]
        return penalty.detach()
