"""What the training loop needs of whatever fits a model."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from refeed.models.base import RatingModel


@dataclass(frozen=True)
class StepReport:
    """What one step saw, before its updates.

    Attributes:
        squared_error: sum over the ratings of the step.
        ratings: number of them.
        refeed_loss: mean loss of the re-feeding passes, None without.
    """

    squared_error: float
    ratings: int
    refeed_loss: float | None = None


class Fitter(Protocol):
    """Fits a model in epochs of steps. A step is a function of the state, the seed, the epoch and the step alone."""

    @property
    def model(self) -> RatingModel:
        """The model, trained in place."""
        ...

    @property
    def epochs(self) -> int:
        """Number of epochs to run."""
        ...

    @property
    def patience(self) -> int | None:
        """Epochs without a better validation RMSE after which the run stops; None never stops early."""
        ...

    def num_steps(self, epoch: int) -> int:
        """Number of steps of an epoch."""
        ...

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Take one step.

        Raises:
            TrainingError: the loss is not finite.
        """
        ...

    def learning_rate(self, epoch: int) -> float | None:
        """The rate at the start of an epoch, None where there is none."""
        ...

    def close(self) -> None:
        """Let go of threads and of memory that only training needs; no step follows."""
        ...

    def state(self) -> dict[str, Tensor]:
        """All tensors but the model's that the next step depends on."""
        ...

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up the state of an earlier run."""
        ...


class OneStepFitter(abc.ABC):
    """A fitter that is done in one step, so that it has no rate, no state of its own, and nothing to stop early."""

    epochs = 1
    patience: int | None = None

    @abc.abstractmethod
    def solve(self) -> StepReport:
        """Fit the model; what is reported are its errors after that.

        Raises:
            TrainingError: there is no solution.
        """

    def num_steps(self, epoch: int) -> int:
        """One."""
        del epoch
        return 1

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve; see `Fitter.train_step`."""
        del epoch, step
        return self.solve()

    def learning_rate(self, epoch: int) -> None:
        """There is none."""
        del epoch

    def close(self) -> None:  # noqa: B027 (there is nothing to let go of)
        """See `Fitter.close`."""

    def state(self) -> dict[str, Tensor]:
        """Nothing beyond the model."""
        return {}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Nothing to take up."""
        del tensors
