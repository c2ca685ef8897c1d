"""Prediction intervals of any model from its errors on the validation set (split conformal prediction)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError
from refeed.intervals.spread import ResidualVariance
from refeed.metrics.coverage import conformal_quantiles

LEVELS = np.array([*(percent / 100 for percent in range(1, 100)), 0.995, 0.999])
"""The levels whose quantiles are kept; quantiles of others are interpolated."""


@dataclass(frozen=True, eq=False)
class RatingIntervals:
    """The interval of a level L is prediction ± q(L) * spread, clipped to the rating scale (split conformal prediction).

    q(L) is the quantile of |rating - prediction| / spread on the validation set, so that a share L of exchangeable ratings lies
    inside, whatever the model and however well the spread is estimated.

    Attributes:
        residual_variance: gives the spread of each pair.
        quantiles: q at the first `LEVELS`, float64 (up to 101,), as many as the size of the validation set allows.
        num_ratings: size of the validation set, at least 1.
    """

    residual_variance: ResidualVariance
    quantiles: npt.NDArray[np.float64]
    num_ratings: int

    @classmethod
    def learn(
        cls, residual_variance: ResidualVariance, errors: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]
    ) -> RatingIntervals:
        """The intervals of a model with these errors on the validation set.

        Args:
            residual_variance: of the training set.
            errors: |rating - clipped prediction|, (P,), at least one.
            spread: of the same pairs, (P,).
        """
        return cls(residual_variance, conformal_quantiles(errors / spread, LEVELS), len(errors))

    def bounds(
        self,
        predictions: npt.NDArray[np.floating],
        spread: npt.NDArray[np.float64],
        *,
        level: npt.ArrayLike,
        scale: RatingScale,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The lower and upper ends for P clipped predictions, float64 (P,) each; (L, P) for L levels.

        Levels beyond what the validation set allows get the whole scale.

        Raises:
            ConfigError: a level is not above 0 and below 1.
        """
        for each_level in np.atleast_1d(level):
            require_level(float(each_level))
        known = len(self.quantiles)
        times = np.interp(
            np.asarray(level, np.float64), np.append(0.0, LEVELS[:known]), np.append(0.0, self.quantiles), right=np.inf
        )
        middle, half = np.asarray(predictions, np.float64), np.multiply.outer(times, spread)
        return scale.clip(middle - half), scale.clip(middle + half)

    def to_tensors(self) -> dict[str, Tensor]:
        """Its values as tensors by name."""
        residual_variance = self.residual_variance
        return {
            "mean": torch.tensor(residual_variance.mean, dtype=torch.float64),
            "variance": torch.tensor(residual_variance.variance, dtype=torch.float64),
            "item_levels": torch.from_numpy(residual_variance.item_levels),
            "item_variances": torch.from_numpy(residual_variance.item_variances),
            "item_counts": torch.from_numpy(residual_variance.item_counts),
            "quantiles": torch.from_numpy(self.quantiles),
            "num_ratings": torch.tensor(self.num_ratings),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> RatingIntervals:
        """The inverse of `to_tensors`.

        Raises:
            KeyError: a tensor is missing.
        """
        arrays = {name: tensors[name].numpy() for name in ("item_levels", "item_variances", "item_counts")}
        residual_variance = ResidualVariance(tensors["mean"].item(), tensors["variance"].item(), **arrays)
        return cls(residual_variance, tensors["quantiles"].numpy(), int(tensors["num_ratings"].item()))


def require_level(level: float) -> float:
    """Check the level of an interval and return it.

    Raises:
        ConfigError: it is not above 0 and below 1.
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"level: expected above 0 and below 1, for example 0.9, got {level:g}")
    return level
