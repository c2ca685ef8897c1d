"""The contracts between models and everything that uses them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

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


class RatingModel(nn.Module, Scorer):
    """A rating predictor over n items.

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
        """The model as it is now, to be asked many times: what does not depend on whom it is asked about is worked out once."""

    @property
    def device(self) -> torch.device:
        """Where the model's tensors lie."""
        tensor = next(self.parameters(), next(self.buffers(), None))
        return torch.device("cpu") if tensor is None else tensor.device


class ScoredModel(RatingModel):
    """A model whose answers are all given by a scorer of its own, in which what does not depend on the asked is worked out."""

    def predict_pairs(
        self,
        history: History,
        rows: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        times: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.float32]:
        """See `Scorer.predict_pairs`."""
        return self.scorer().predict_pairs(history, rows, items, times)

    def score_rows(self, history: History) -> npt.NDArray[np.float32]:
        """See `Scorer.score_rows`."""
        return self.scorer().score_rows(history)


def load_tensors(model: RatingModel, tensors: Mapping[str, Tensor]) -> None:
    """Load a state dict, of a model whose variable buffers may have other shapes so far.

    Raises:
        KeyError: a variable buffer is missing.
        RuntimeError: the tensors are not this model's.
    """
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
