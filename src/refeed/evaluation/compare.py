"""Two models on the same held-out ratings."""

from __future__ import annotations

import numpy as np

from refeed.errors import DataError
from refeed.evaluation.evaluate import Evaluation
from refeed.metrics.intervals import PairedDifference, paired_difference


def compare(first: Evaluation, second: Evaluation, *, resamples: int = 1000, seed: int = 0) -> PairedDifference:
    """Compare two models that were evaluated on the same ratings: RMSE of the first minus RMSE of the second.

    Interval and p-value are from a paired bootstrap over users; see `metrics.intervals.paired_difference`.

    Args:
        first: evaluation of the first model.
        second: evaluation of the second model, on the same ratings.
        resamples: of the bootstrap, at least 2.
        seed: of the bootstrap.

    Returns:
        the difference of the RMSE, in units of the ratings, its 95% interval, and a two-sided p-value.

    Raises:
        DataError: the evaluations are of different ratings.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, compare, evaluate, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> split = RandomSplit().apply(ratings)
        >>> damped, undamped = (evaluate(train(Bias(user_regularisation=x), split), split) for x in (15.0, 0.0))
        >>> difference = compare(damped, undamped)  # a PairedDifference; below 0 the first model is better
        >>> difference.low <= difference.difference <= difference.high
        True
    """
    if not np.array_equal(first.counts_by_user, second.counts_by_user):
        raise DataError("the two evaluations are not of the same ratings, so they cannot be compared in pairs")
    return paired_difference(
        first.squared_by_user, second.squared_by_user, first.counts_by_user, resamples=resamples, seed=seed
    )
