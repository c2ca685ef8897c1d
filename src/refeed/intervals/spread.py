"""How widely a person's ratings and those of an item scatter, from which follows how sure a prediction can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.row_blocks import row_blocks

PRIOR_RATINGS = 10.0  # imaginary ratings that pull a level or variance to that of all
SMALLEST_VARIANCE = 1e-12  # where all ratings are equal


@dataclass(frozen=True, eq=False)
class Scatter:
    """spread(u, i) = sqrt(v_u v_i / v (1 + 1 / (1 + n_u) + 1 / (1 + n_i))).

    v is the mean square of what is left of the training ratings after the levels of items and users; v_u and v_i are those of
    one person and one item, drawn to v by PRIOR_RATINGS; n_u and n_i are their numbers of ratings. What concerns the person is
    worked out from their history, so that a new one has it too.

    Attributes:
        mean: of all training ratings.
        variance: v, above 0.
        item_levels: float32 (n,), what an item is rated above the mean.
        item_variances: v_i, float32 (n,).
        item_counts: n_i, int64 (n,).
    """

    mean: float
    variance: float
    item_levels: npt.NDArray[np.float32]
    item_variances: npt.NDArray[np.float32]
    item_counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, train: Ratings) -> Scatter:
        """The scatter of training ratings, in two passes over blocks of them."""
        counts, sums = train.item_counts, np.zeros(train.num_items)
        for block in row_blocks(train.indptr):
            values = train.values[block.places].astype(np.float64)
            sums += np.bincount(train.indices[block.places], weights=values, minlength=train.num_items)
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
            history: the ratings of B people.
            rows: integers (P,), which of them, 0 to B - 1.
            items: integers (P,), 0 to n - 1.
        """
        counts = history.counts
        squares = np.bincount(
            history.row_of_rating, weights=_squares(history, self.mean, self.item_levels), minlength=len(history)
        )
        of_person = (squares + PRIOR_RATINGS * self.variance) / (counts + PRIOR_RATINGS)
        unknown = 1.0 + 1.0 / (1.0 + counts[rows]) + 1.0 / (1.0 + self.item_counts[items])
        variances = of_person[rows] * self.item_variances[items] / self.variance * unknown
        return np.asarray(np.sqrt(variances), np.float64)


def _squares(history: History, mean: float, item_levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Of each rating what is left after the item's and the person's level, squared, float64 (nnz,)."""
    left = history.values.astype(np.float64) - mean - item_levels[history.indices]
    people = history.row_of_rating
    levels = np.bincount(people, weights=left, minlength=len(history)) / (history.counts + PRIOR_RATINGS)
    return np.square(left - levels[people])
