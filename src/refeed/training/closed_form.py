"""What is solved for instead of descended to: offsets and the bias baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch import Tensor

from refeed.data.ratings import Ratings
from refeed.models.bias import Bias, BiasModel
from refeed.models.offsets import Offsets
from refeed.training.fitter import StepReport


def fit_offsets(
    offsets: Offsets, train: Ratings, *, item_regularisation: float, user_regularisation: float, sweeps: int = 10
) -> None:
    """Fit the mean and, for kind "bias", the item biases, items and users in turn; see `Bias` for the equations.

    Args:
        offsets: to be filled.
        train: training ratings.
        item_regularisation: imaginary ratings that pull an item's bias to 0.
        user_regularisation: the same for users.
        sweeps: how often to go over items and users.
    """
    if offsets.kind == "none":
        return
    values = np.asarray(train.values, np.float64)
    mean = float(values.mean())
    item_bias = np.zeros(train.num_items)
    if offsets.kind == "bias":
        user_bias = np.zeros(train.num_users)
        rows, columns = train.row_of_rating, np.asarray(train.indices)
        for _ in range(sweeps):
            item_bias = _shrunk_means(values - mean - user_bias[rows], columns, train.item_counts, item_regularisation)
            user_bias = _shrunk_means(values - mean - item_bias[columns], rows, train.user_counts, user_regularisation)
    offsets.set(mean, item_bias)


class BiasFitter:
    """Fits the bias baseline in one step."""

    epochs = 1

    def __init__(self, model: BiasModel, train: Ratings, spec: Bias) -> None:
        self.model, self.train, self.spec = model, train, spec

    def num_steps(self, epoch: int) -> int:
        """One."""
        del epoch
        return 1

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Solve; see `Fitter.train_step`."""
        del epoch, step
        fit_offsets(
            self.model.offsets,
            self.train,
            item_regularisation=self.spec.item_regularisation,
            user_regularisation=self.spec.user_regularisation,
            sweeps=self.spec.sweeps,
        )
        history = self.train.rows()
        errors = history.values - self.model.offsets.of_entries(history)
        return StepReport(float(np.square(errors, dtype=np.float64).sum()), len(errors))

    def learning_rate(self, epoch: int) -> None:
        """There is none."""
        del epoch

    def close(self) -> None:
        """See `Fitter.close`."""

    def state(self) -> dict[str, Tensor]:
        """Nothing beyond the model."""
        return {}

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Nothing to take up."""
        del tensors


def _shrunk_means(
    residuals: npt.NDArray[np.float64], groups: npt.NDArray[np.integer], counts: npt.NDArray[np.int64], regularisation: float
) -> npt.NDArray[np.float64]:
    sums = np.bincount(groups, weights=residuals, minlength=len(counts))
    return np.asarray(sums / np.maximum(counts + regularisation, 1e-12))
