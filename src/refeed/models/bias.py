"""The bias baseline: rating = mean + user bias + item bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveInt
from refeed.data.ratings import Ratings
from refeed.models.base import Fitter, OneStepFitter, Spec, StepReport
from refeed.models.common.bias_model import BiasModel
from refeed.models.common.building import new_model
from refeed.models.common.offsets import Offsets
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime


@dataclass(frozen=True)
class Bias(Spec):
    """Regularised user and item means, fitted jointly or, with one sweep, items first and then users.

    Koren, "Factor in the neighbors" (2010), section 2.1. The decoupled form, sweeps=1, is

        b_i = sum(r - mean) / (n_i + item_regularisation), then b_u = sum(r - mean - b_i) / (n_u + user_regularisation).

    Each further sweep fits b_i again to r - mean - b_u, then b_u again. That is coordinate descent to the jointly fitted form,
    the minimum of sum (r - mean - b_i - b_u)^2 + item_regularisation * |b_i|^2 + user_regularisation * |b_u|^2.

    Attributes:
        item_regularisation: pseudo-counts that shrink an item's bias to 0, at least 0.
        user_regularisation: the same for a user's bias.
        sweeps: passes over items and users, at least 1: 1 gives the decoupled form, 10 practically the joint one.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> train(Bias(item_regularisation=5), RandomSplit().apply(ratings)).spec
        Bias(item_regularisation=5.0, user_regularisation=15.0, sweeps=10)
    """

    kind: ClassVar[str] = "bias"
    title: ClassVar[str] = "user and item biases"

    item_regularisation: NonNegativeFloat = 10.0
    user_regularisation: NonNegativeFloat = 15.0
    sweeps: PositiveInt = 10

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        return "user and item biases"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> BiasModel:
        offsets = Offsets("bias", num_items, item_damping=self.item_regularisation, user_damping=self.user_regularisation)
        return BiasModel(offsets, num_users, num_items)


class BiasFitter(OneStepFitter):
    """Fits the bias baseline."""

    model: BiasModel

    def __init__(self, model: BiasModel, train: Ratings, spec: Bias) -> None:
        self.model, self.train, self.spec = model, train, spec

    @override
    def solve(self) -> StepReport:
        self.model.offsets.fit(self.train, sweeps=self.spec.sweeps)
        return StepReport(self.model.offsets.squared_error(self.train), len(self.train))


def build_bias_fitter(spec: Bias, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of the bias baseline, with a new model."""
    return BiasFitter(new_model(spec, train, runtime), train, spec)
