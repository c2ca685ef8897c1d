"""Popularity: the items with the most ratings, the same for all users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from typing_extensions import override

from refeed.config import NonNegativeFloat, PositiveFloat
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import index_counts
from refeed.models.base import Fitter, Integers, OneStepFitter, Spec, StepReport
from refeed.models.common.bias_model import BiasModel
from refeed.models.common.building import new_model
from refeed.models.common.checks import required_times
from refeed.models.common.offsets import Offsets, rating_sums
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime

DAY = 86_400.0  # seconds
LEAST_SLOPE = 0.1  # ratings per unit of log(1 + count); any slope above 0 keeps the order, this one in single precision too


@dataclass(frozen=True)
class Popularity(Spec):
    """The most popular items first: a baseline for ranked lists that no list should fall below.

    Every user gets the items in the order of their numbers of training ratings n_i. To be on the scale of the ratings, scores
    are a line through them:

        rating = mean + b_i + b_u, where b_i = slope * (log(1 + n_i) - average of log(1 + n) over the training ratings).

    The slope fits the training ratings best by least squares, but is at least `LEAST_SLOPE`, so that more ratings always mean a
    higher score; b_u is the damped mean of the user's residuals, and does not change the order. The RMSE of such predictions
    says
    little: judge them by their lists.

    Attributes:
        recent_days: count only ratings of so many days before the latest training rating, above 0; none counts all. Needs
            timestamps.
        user_regularisation: pseudo-counts that shrink a user's bias to 0, at least 0.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> from refeed import Popularity, RandomSplit, Ratings, recommend, train
        >>> users = [user for user in range(40) for item in range(8) if user % (item + 1) == 0]
        >>> items = [item for user in range(40) for item in range(8) if user % (item + 1) == 0]
        >>> fitted = train(Popularity(), RandomSplit().apply(Ratings.from_columns(users, items, [3, 4] * (len(users) // 2))))
        >>> [entry.item for entry in recommend(fitted, {7: 4.0}, k=3)]
        [0, 1, 2]
    """

    kind: ClassVar[str] = "popularity"
    title: ClassVar[str] = "popularity"

    recent_days: PositiveFloat | None = None
    user_regularisation: NonNegativeFloat = 15.0

    @override
    def summary(self, num_users: int, num_items: int) -> str:
        since = "" if self.recent_days is None else f" of the last {self.recent_days:g} days"
        return f"items by their number of ratings{since}"

    @override
    def build(self, num_users: int, num_items: int, *, seed: int) -> BiasModel:
        offsets = Offsets("bias", num_items, item_damping=0.0, user_damping=self.user_regularisation)
        return BiasModel(offsets, num_users, num_items)


class PopularityFitter(OneStepFitter):
    """Counts the ratings of each item and fits the line.

    Args:
        model: to be filled, on its device.
        train: training ratings.
        spec: the model's description.

    Raises:
        DataError: `recent_days` and the ratings have no timestamps.
    """

    model: BiasModel

    def __init__(self, model: BiasModel, train: Ratings, spec: Popularity) -> None:
        self.model, self.train, self.spec = model, train, spec
        self._counts = train.item_counts if spec.recent_days is None else _recent_counts(train, spec.recent_days)

    @override
    def solve(self) -> StepReport:
        train = self.train
        _, item_sums = rating_sums(train)
        popularity = np.log1p(self._counts)  # (n,)
        popularity -= train.item_counts @ popularity / len(train)  # of mean 0 over the ratings
        variance = train.item_counts @ np.square(popularity)
        slope = popularity @ item_sums / variance if variance > 0 else 0.0  # the mean of the ratings cancels out
        self.model.offsets.set(float(item_sums.sum() / len(train)), max(slope, LEAST_SLOPE) * popularity)
        return StepReport(self.model.offsets.squared_error(train), len(train))


def _recent_counts(train: Ratings, days: float) -> Integers:
    """Number of ratings of each item in the last days of training, int64 (n,)."""
    times = required_times(train, needed_by="popularity with recent_days", otherwise="leave recent_days out")
    return index_counts(train.indices[times > times.max() - DAY * days], train.num_items)


def build_popularity_fitter(spec: Popularity, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of popularity, with a new model."""
    return PopularityFitter(new_model(spec, train, runtime), train, spec)
