"""Prediction intervals of any model, from how far off it was on the validation part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.ratings import RatingScale
from refeed.errors import ConfigError
from refeed.intervals.spread import Scatter
from refeed.metrics.coverage import conformal_quantiles

LEVELS = np.array([*(percent / 100 for percent in range(1, 100)), 0.995, 0.999])
"""The levels whose quantiles are kept; between them they are interpolated."""


@dataclass(frozen=True, eq=False)
class RatingIntervals:
    """The interval of a level L is prediction ± q(L) * spread, cut to the rating scale (split conformal prediction).

    q(L) is the quantile of |rating - prediction| / spread on the validation part, so that a share L of ratings like those lies
    inside, whatever the model and however well the spread is estimated.

    Attributes:
        scatter: gives the spread of each pair.
        quantiles: float64 (up to 101,), q at the first of LEVELS, as many as the validation part can tell.
        num_ratings: of the validation part, at least 1.
    """

    scatter: Scatter
    quantiles: npt.NDArray[np.float64]
    num_ratings: int

    @classmethod
    def learn(cls, scatter: Scatter, errors: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> RatingIntervals:
        """The intervals of a model with these errors on the validation part.

        Args:
            scatter: of the training part.
            errors: |rating - clipped prediction|, (P,), at least one.
            spread: of the same pairs, (P,).
        """
        return cls(scatter, conformal_quantiles(errors / spread, LEVELS), len(errors))

    def bounds(
        self,
        predictions: npt.NDArray[np.floating],
        spread: npt.NDArray[np.float64],
        *,
        level: npt.ArrayLike,
        scale: RatingScale,
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The lower and upper ends for P clipped predictions, float64 (P,) each; (L, P) for L levels.

        Levels beyond what the validation part can tell get the whole scale.

        Raises:
            ConfigError: a level is not above 0 and below 1.
        """
        for one in np.atleast_1d(level):
            require_level(float(one))
        known = len(self.quantiles)
        times = np.interp(
            np.asarray(level, np.float64), np.append(0.0, LEVELS[:known]), np.append(0.0, self.quantiles), right=np.inf
        )
        middle, half = np.asarray(predictions, np.float64), np.multiply.outer(times, spread)
        return scale.clip(middle - half), scale.clip(middle + half)

    def to_tensors(self) -> dict[str, Tensor]:
        """All that it holds, by name."""
        scatter = self.scatter
        return {
            "mean": torch.tensor(scatter.mean, dtype=torch.float64),
            "variance": torch.tensor(scatter.variance, dtype=torch.float64),
            "item_levels": torch.from_numpy(scatter.item_levels),
            "item_variances": torch.from_numpy(scatter.item_variances),
            "item_counts": torch.from_numpy(scatter.item_counts),
            "quantiles": torch.from_numpy(self.quantiles),
            "num_ratings": torch.tensor(self.num_ratings),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> RatingIntervals:
        """The inverse of `to_tensors`.

        Raises:
            KeyError: one is missing.
        """
        arrays = {name: tensors[name].numpy() for name in ("item_levels", "item_variances", "item_counts")}
        scatter = Scatter(tensors["mean"].item(), tensors["variance"].item(), **arrays)
        return cls(scatter, tensors["quantiles"].numpy(), int(tensors["num_ratings"].item()))


def require_level(level: float) -> float:
    """The level of an interval, if it is one.

    Raises:
        ConfigError: it is not above 0 and below 1.
    """
    if not 0.0 < level < 1.0:
        raise ConfigError(f"level: expected above 0 and below 1, for example 0.9, got {level:g}")
    return level
