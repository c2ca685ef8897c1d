"""The contracts between models and everything that uses them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from refeed.data.history import History


class Scorer(abc.ABC):
    """Answers about people, whom it sees only through the histories that it is given."""

    @abc.abstractmethod
    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Predicted ratings of P pairs, float32 (P,), not clipped to the scale.

        Args:
            history: what the model may see of B people.
            rows: int64 (P,), which of them is asked, 0 to B - 1.
            items: int64 (P,), about which item, 0 to n - 1.
            times: int64 (P,), when each rating is given, seconds since 1970 UTC; None is not known. Only models that know time
                look at it.
        """

    @abc.abstractmethod
    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """Predicted ratings of every item for every person of the history, a new float32 (B, n), not clipped."""


class RatingModel(nn.Module, abc.ABC):
    """A rating predictor over n items, asked through `scorer()`.

    All that it has learnt lies in its parameters and buffers, so that its state dict is the whole model.

    Attributes:
        variable_buffers: names of buffers whose size depends on the training data.
    """

    variable_buffers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.num_users, self.num_items = num_users, num_items

    @abc.abstractmethod
    def scorer(self) -> Scorer:
        """Predict with the model as it is now; what does not depend on the history is computed once, here.

        Keep the scorer where more than one question is asked.
        """

    @property
    def device(self) -> torch.device:
        """Where the model's tensors lie."""
        tensor = next(self.parameters(), next(self.buffers(), None))
        return torch.device("cpu") if tensor is None else tensor.device


RENAMED_TENSORS = (("item_moods", "item_effects"),)
"""Parts of the names of tensors in model folders of format versions 1 to 3, and what they are called now."""


def load_tensors(model: RatingModel, tensors: Mapping[str, Tensor]) -> None:
    """Load a state dict, of a model whose variable buffers may have other shapes so far.

    Tensors may have their names of earlier format versions of the model folder.

    Raises:
        KeyError: a variable buffer is missing.
        RuntimeError: the tensors are not this model's.
    """
    for before, now in RENAMED_TENSORS:
        tensors = {name.replace(before, now): tensor for name, tensor in tensors.items()}
    for name in model.variable_buffers:
        owner, _, buffer = name.rpartition(".")
        model.get_submodule(owner).register_buffer(buffer, torch.empty_like(tensors[name], device=model.device))
    model.load_state_dict(tensors)


@dataclass(frozen=True)
class RowSource:
    """The rows that a network is trained on.

    Attributes:
        counts: int64 (rows,), number of ratings of each row.
        rows: the rows at the given positions, int64 (B,).
    """

    counts: npt.NDArray[np.int64]
    rows: Callable[[npt.NDArray[np.int64]], History]


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
        return 1

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve; see `Fitter.train_step`."""
        return self.solve()

    def learning_rate(self, epoch: int) -> None:  # noqa: B027 (there is none)
        """There is none."""

    def close(self) -> None:  # noqa: B027 (there is nothing to let go of)
        """See `Fitter.close`."""

    def state(self) -> dict[str, Tensor]:
        """Nothing beyond the model."""
        return {}

    def load_state(self, tensors: dict[str, Tensor]) -> None:  # noqa: B027 (nothing to resume)
        """Nothing to take up."""


class Spec(Protocol):
    """A frozen dataclass that describes a model; its fields are the model's options.

    Attributes:
        kind: its name in `MODELS`, on the command line and in model folders.
        title: its name for people, in tables.
        uses_training_options: whether `TrainingOptions` say how it is fitted; otherwise all that its fitting depends on are its
            own fields.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    uses_training_options: ClassVar[bool]

    def summary(self, num_users: int, num_items: int) -> str:
        """What it is, in a few words for people."""
        ...

    def build(self, num_users: int, num_items: int, *, seed: int) -> RatingModel:
        """The model before fitting."""
        ...
