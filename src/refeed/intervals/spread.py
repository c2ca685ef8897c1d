"""The residual variance of the ratings of users and items, from which follows the expected size of a prediction's error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks

PRIOR_RATINGS = 10.0  # pseudo-counts that shrink a bias to 0 and a variance to that of all ratings
SMALLEST_VARIANCE = 1e-12  # where all ratings are equal


@dataclass(frozen=True, eq=False)
class ResidualVariance:
    """spread(u, i) = sqrt(v_u v_i / v (1 + 1 / (1 + n_u) + 1 / (1 + n_i))).

    v is the mean squared residual of the training ratings after item and user biases; v_u and v_i are those of a user and an
    item, shrunk to v by `PRIOR_RATINGS`; n_u and n_i are their numbers of ratings. v_u and n_u are computed from the history,
    so that new users have them too.

    Attributes:
        mean: of all training ratings.
        variance: v, above 0.
        item_levels: biases of the items, float32 (n,).
        item_variances: v_i, float32 (n,).
        item_counts: n_i, int64 (n,).
    """

    mean: float
    variance: float
    item_levels: npt.NDArray[np.float32]
    item_variances: npt.NDArray[np.float32]
    item_counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, train: Ratings) -> ResidualVariance:
        """Estimate from training ratings, in two passes over blocks of them."""
        counts, sums = train.item_counts, np.zeros(train.num_items)
        for block in row_blocks(train.indptr):
            values = train.values[block.entries].astype(np.float64)
            sums += np.bincount(train.indices[block.entries], weights=values, minlength=train.num_items)
        mean = float(sums.sum() / max(1, len(train)))
        levels = np.asarray((sums - mean * counts) / (counts + PRIOR_RATINGS), np.float32)
        squares = np.zeros(train.num_items)
        for block in row_blocks(train.indptr):
            history = train.rows(np.arange(block.rows.start, block.rows.stop))
            squares += np.bincount(history.indices, weights=_squares(history, mean, levels), minlength=train.num_items)
        variance = max(float(squares.sum() / max(1, len(train))), SMALLEST_VARIANCE)
        item_variances = (squares + PRIOR_RATINGS * variance) / (counts + PRIOR_RATINGS)
        return cls(mean, variance, levels, np.asarray(item_variances, np.float32), counts)

    def spread(
        self, history: History, rows: npt.NDArray[np.integer], items: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """The spread of P pairs, float64 (P,), in units of the ratings.

        Args:
            history: the ratings of B users.
            rows: integers (P,), the row of each pair's user in the history, 0 to B - 1.
            items: integers (P,), 0 to n - 1.
        """
        counts = history.counts
        squares = np.bincount(
            history.row_of_rating, weights=_squares(history, self.mean, self.item_levels), minlength=len(history)
        )
        user_variances = (squares + PRIOR_RATINGS * self.variance) / (counts + PRIOR_RATINGS)
        uncertainty = 1.0 + 1.0 / (1.0 + counts[rows]) + 1.0 / (1.0 + self.item_counts[items])
        variances = user_variances[rows] * self.item_variances[items] / self.variance * uncertainty
        return np.asarray(np.sqrt(variances), np.float64)


def _squares(history: History, mean: float, item_levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared residuals of the ratings after item and user biases, float64 (nnz,)."""
    residuals = history.values.astype(np.float64) - mean - item_levels[history.indices]
    users = history.row_of_rating
    levels = np.bincount(users, weights=residuals, minlength=len(history)) / (history.counts + PRIOR_RATINGS)
    return np.square(residuals - levels[users])
