"""The contracts between models and everything that uses them."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from typing_extensions import override

from refeed.config import Config
from refeed.data.history import History

Integers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float32]


class Scorer(abc.ABC):
    """Predicts ratings of users, whom it sees only through the histories that it is given."""

    @abc.abstractmethod
    def predict_pairs(self, history: History, rows: Integers, items: Integers, times: Integers | None = None) -> Floats:
        """Predict the ratings of P pairs, float32 (P,), not clipped to the scale.

        Args:
            history: the ratings of B users.
            rows: int64 (P,), the row of each pair's user in the history, 0 to B - 1.
            items: int64 (P,), 0 to n - 1.
            times: int64 (P,), when each rating is given, seconds since 1970 UTC; None where unknown. Only time-aware models use
                it.
        """

    @abc.abstractmethod
    def score_rows(self, history: History) -> Floats:
        """Predict the ratings of all items by all users of the history, a new float32 (B, n), not clipped."""


class RatingModel(nn.Module, abc.ABC):
    """What was learnt about n items; its `scorer` makes the predictions.

    All of it is in parameters and buffers, so that the state dict is the whole model.

    Attributes:
        variable_buffers: names of the model's own buffers whose size depends on the training data.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_users, self.num_items = num_users, num_items
        self.register_load_state_dict_pre_hook(_resize_variable_buffers)  # type: ignore[no-untyped-call]

    @abc.abstractmethod
    def scorer(self) -> Scorer:
        """A scorer of the model as it is now.

        What does not depend on the history is computed here, so keep the scorer for more than one prediction.
        """

    @property
    def device(self) -> torch.device:
        """The device of the model's tensors."""
        tensor = next(self.parameters(), next(self.buffers(), None))
        return torch.device("cpu") if tensor is None else tensor.device


def _resize_variable_buffers(model: nn.Module, tensors: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """Before a state dict is loaded: make room for buffers of other shapes."""
    assert isinstance(model, RatingModel)
    for name in model.variable_buffers:
        buffer, loaded = model.get_buffer(name), tensors.get(prefix + name)
        if loaded is not None and loaded.shape != buffer.shape:
            setattr(model, name, buffer.new_empty(loaded.shape))


@dataclass(frozen=True)
class StepReport:
    """The training error of one step; of a gradient step, before its update.

    Attributes:
        squared_error: sum over the ratings of the step.
        ratings: their number.
        refeed_loss: mean loss of the re-feeding passes, None without.
    """

    squared_error: float
    ratings: int
    refeed_loss: float | None = None


class Fitter(abc.ABC):
    """Fits a model in epochs of steps.

    A step is a function of the model, the state, the seed, the epoch and the step alone, so that a resumed run equals an
    uninterrupted one bit for bit. By default an epoch is one step, and the next step depends on nothing but the model.

    Attributes:
        model: trained in place.
        epochs: number of epochs to run.
        patience: epochs without a better validation RMSE after which the run stops; None never stops early.
    """

    model: RatingModel
    epochs: int
    patience: int | None = None

    def num_steps(self, epoch: int) -> int:
        """Number of steps of an epoch."""
        return 1

    @abc.abstractmethod
    def train_step(self, epoch: int, step: int) -> StepReport:
        """Take one step.

        Raises:
            TrainingError: the loss is not finite.
        """

    def learning_rate(self, epoch: int) -> float | None:
        """The learning rate at the start of an epoch, None where there is none."""
        return None

    def close(self) -> None:  # noqa: B027 (few fitters hold anything)
        """Release threads and memory that only training needs; no step follows."""

    def state(self) -> dict[str, Tensor]:
        """All tensors but the model's that the next step depends on."""
        return {}

    def load_state(self, tensors: dict[str, Tensor]) -> None:  # noqa: B027 (few fitters have a state)
        """Resume from the state of an earlier run; without any tensors, start from the model alone."""


class OneStepFitter(Fitter):
    """A fitter whose single step is the solution."""

    epochs = 1

    @abc.abstractmethod
    def solve(self) -> StepReport:
        """Fit the model and report its errors afterwards.

        Raises:
            TrainingError: there is no solution.
        """

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        return self.solve()


@dataclass(frozen=True)
class Spec(Config, abc.ABC):
    """A description of a model: a frozen dataclass whose fields are the model's options.

    Attributes:
        kind: its name in `MODELS`, on the command line and in model folders.
        title: its name in tables.
        uses_training_options: whether it is fitted as `TrainingOptions` describe; otherwise its fitting depends on its own
            fields alone.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    uses_training_options: ClassVar[bool] = False

    @abc.abstractmethod
    def summary(self, num_users: int, num_items: int) -> str:
        """Describe the model in a few words."""

    @abc.abstractmethod
    def build(self, num_users: int, num_items: int, *, seed: int) -> RatingModel:
        """The model before fitting; its initial weights are a function of the seed."""
