"""Predicted ratings of pairs of users and items, alone or with intervals."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Ids
from refeed.errors import DataError
from refeed.fitted_model import FittedModel
from refeed.inference.blocks import USERS_PER_BLOCK, over_blocks
from refeed.inference.histories import Histories
from refeed.intervals.conformal import RatingIntervals, require_level

UnknownPolicy = Literal["error", "null"]
Indices = npt.NDArray[np.int64]
PairFunction = Callable[[History, Indices, Indices, Indices | None], npt.NDArray[np.floating]]


class PredictedIntervals(NamedTuple):
    """Predictions with the ends of their intervals, NaN where nothing is known.

    Attributes:
        predictions: clipped to the scale, float32 (P,).
        low: lower ends, clipped to the scale, float32 (P,).
        high: upper ends, likewise.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, predict_interval, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> predictions, low, high = predict_interval(model, users=[3, 4], items=[7, 7], level=0.9)
        >>> bool((low < predictions).all() and (predictions < high).all())
        True
    """

    predictions: npt.NDArray[np.float32]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]


def predict(
    fitted: FittedModel,
    users: Ids,
    items: Ids,
    *,
    times: npt.ArrayLike | None = None,
    history: Ratings | None = None,
    unknown: UnknownPolicy = "error",
) -> npt.NDArray[np.float32]:
    """Predict the ratings of P pairs of user and item.

    Args:
        fitted: the model.
        users: ids (P,), as they are or as text.
        items: ids (P,), likewise.
        times: when each rating is given, whole seconds since 1970 UTC, (P,) or one for all; default: unknown. Time-aware models
            predict better with it, and `evaluate` gives it to them.
        history: ratings that the model may use of its users, new ones among them; default: those that it keeps.
        unknown: what to do with a user without a history or an item unknown to the model: "error", or "null" for NaN.

    Returns:
        predicted ratings, clipped to the rating scale, float32 (P,).

    Raises:
        DataError: an unknown id (with "error"), or the model keeps no histories and none are given.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, predict, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> predict(model, users=[3, 4], items=[7, 7]).shape
        (2,)
        >>> new = Ratings.from_columns(["somebody", "somebody"], [7, 8], [5, 2])  # a new user is a history
        >>> predict(model, ["somebody"], [9], history=new).shape
        (1,)
    """
    pairs = _pairs(fitted, users, items, times=times, history=history, unknown=unknown)
    return pairs.all_values(_predictions(fitted, pairs))


def predict_interval(
    fitted: FittedModel,
    users: Ids,
    items: Ids,
    *,
    level: float,
    times: npt.ArrayLike | None = None,
    history: Ratings | None = None,
    unknown: UnknownPolicy = "error",
) -> PredictedIntervals:
    """Predict the ratings of P pairs with intervals that contain the rating with probability `level`.

    The intervals are calibrated on the validation set by split conformal prediction (Vovk et al. 2005).

    Args:
        fitted: the model.
        users: as in `predict`.
        items: as in `predict`.
        level: nominal share of ratings inside, above 0 and below 1.
        times: as in `predict`.
        history: as in `predict`.
        unknown: as in `predict`.

    Returns:
        predictions and both ends of their intervals, clipped to the rating scale, float32 (P,) each.

    Raises:
        ConfigError: the level is out of its range.
        DataError: as in `predict`, or the model has no intervals.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, predict_interval, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> wide, narrow = (predict_interval(model, [3], [7], level=level) for level in (0.9, 0.5))
        >>> bool(wide.high - wide.low > narrow.high - narrow.low)
        True
    """
    intervals, level = require_intervals(fitted), require_level(level)
    pairs = _pairs(fitted, users, items, times=times, history=history, unknown=unknown)
    predictions = _predictions(fitted, pairs)
    spread = _computed(pairs, lambda history, rows, items, _: intervals.residual_variance.spread(history, rows, items))
    low, high = intervals.bounds(predictions, spread, level=level, scale=fitted.scale)
    return PredictedIntervals(*map(pairs.all_values, (predictions, low, high)))


def require_intervals(fitted: FittedModel) -> RatingIntervals:
    """Return the model's intervals.

    Raises:
        DataError: the model has none.
    """
    if fitted.intervals is None:
        raise DataError(
            "this model has no prediction intervals (trained without a validation set, converted, or saved by an old refeed)",
            fix="Train it with a validation set; the intervals are learnt from its errors there.",
        )
    return fitted.intervals


@dataclass(frozen=True, eq=False)
class _Pairs:
    """P requested pairs, of which K are of a known user and a known item.

    Attributes:
        histories: what the model may see.
        known: int64 (K,), indices of the known pairs, 0 to P - 1.
        rows: int64 (K,), rows of their users in the histories.
        columns: int64 (K,), indices of their items.
        times: int64 (K,), when they are rated; None is unknown.
        number: P.
    """

    histories: Histories
    known: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64] | None
    number: int

    def all_values(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Values of all pairs from those of the known ones, (K,): NaN for the others, float32 (P,)."""
        of_all = np.full(self.number, np.nan, np.float32)
        of_all[self.known] = values
        return of_all


def _pairs(
    fitted: FittedModel,
    users: Ids,
    items: Ids,
    *,
    times: npt.ArrayLike | None,
    history: Ratings | None,
    unknown: UnknownPolicy,
) -> _Pairs:
    histories = Histories.seen_by(fitted, history)
    missing: Literal["error", "mark"] = "error" if unknown == "error" else "mark"
    known_users = histories.ratings.users
    rows = known_users.lookup(known_users.align(users), missing=missing)
    columns = fitted.items.lookup(fitted.items.align(items), missing=missing)
    if len(rows) != len(columns):
        raise DataError(f"users and items: expected the same number of ids, got {len(rows):,} and {len(columns):,}")
    known = np.flatnonzero((rows >= 0) & (columns >= 0))
    known_times = None if times is None else _times(times, len(rows))[known]
    return _Pairs(histories, known, rows[known], columns[known], known_times, len(rows))


def _times(times: npt.ArrayLike, number: int) -> npt.NDArray[np.int64]:
    given = np.asarray(times)
    if given.dtype.kind not in "iu" or given.shape not in {(), (number,)}:
        what = f"{given.dtype} of shape {given.shape}"
        raise DataError(f"times: expected whole seconds since 1970, {number:,} of them or one for all pairs, got {what}")
    return np.broadcast_to(given.astype(np.int64), (number,))


def _predictions(fitted: FittedModel, pairs: _Pairs) -> npt.NDArray[np.floating]:
    """Predictions for the known pairs, clipped to the scale."""
    return fitted.scale.clip(_computed(pairs, fitted.scorer().predict_pairs))


def _computed(pairs: _Pairs, function: PairFunction) -> npt.NDArray[np.float64]:
    """Values of a function of the known pairs, which are in any order, by blocks of users, float64 (K,)."""
    values = np.empty(len(pairs.rows))
    order = np.argsort(pairs.rows, kind="stable")
    users, first = np.unique(pairs.rows[order], return_index=True)
    bounds = np.append(first, len(order))  # of each user's pairs in `order`

    def work(block: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
        chosen = order[bounds[block[0]] : bounds[block[-1] + 1]]
        rows = np.searchsorted(users[block], pairs.rows[chosen])
        times = None if pairs.times is None else pairs.times[chosen]
        return chosen, function(pairs.histories.rows(users[block]), rows, pairs.columns[chosen], times)

    with closing(over_blocks(work, np.arange(len(users)), size=USERS_PER_BLOCK)) as blocks:
        for _, (chosen, found) in blocks:
            values[chosen] = found
    return values
