"""Predicted ratings of given pairs of users and items, alone or with intervals."""

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
Places = npt.NDArray[np.int64]
Answer = Callable[[History, Places, Places, Places | None], npt.NDArray[np.floating]]


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
    asked = _asked(fitted, users, items, times=times, history=history, unknown=unknown)
    return asked.everywhere(_predictions(fitted, asked))


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
    asked = _asked(fitted, users, items, times=times, history=history, unknown=unknown)
    predictions = _predictions(fitted, asked)
    spread = _answers(asked, lambda history, rows, items, _: intervals.residual_variance.spread(history, rows, items))
    low, high = intervals.bounds(predictions, spread, level=level, scale=fitted.scale)
    return PredictedIntervals(*map(asked.everywhere, (predictions, low, high)))


def require_intervals(fitted: FittedModel) -> RatingIntervals:
    """The model's intervals.

    Raises:
        DataError: it has none.
    """
    if fitted.intervals is None:
        raise DataError(
            "this model has no prediction intervals: trained without a validation part, converted, or made by an old refeed",
            fix="Train it with a validation part; the intervals are learnt from its errors there.",
        )
    return fitted.intervals


@dataclass(frozen=True, eq=False)
class _Asked:
    """Pairs that are asked about.

    Attributes:
        histories: what the model may see.
        known: int64 (K,), which of P pairs are of a known user and item.
        rows: int64 (K,), the users of these in the histories.
        columns: int64 (K,), their items.
        times: int64 (K,), when; None is not known.
        number: P.
    """

    histories: Histories
    known: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64] | None
    number: int

    def everywhere(self, values: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Values of the known pairs, (K,), as those of all pairs, NaN for the others, float32 (P,)."""
        all_values = np.full(self.number, np.nan, np.float32)
        all_values[self.known] = values
        return all_values


def _asked(
    fitted: FittedModel,
    users: Ids,
    items: Ids,
    *,
    times: npt.ArrayLike | None,
    history: Ratings | None,
    unknown: UnknownPolicy,
) -> _Asked:
    histories = Histories.seen_by(fitted, history)
    missing: Literal["error", "mark"] = "error" if unknown == "error" else "mark"
    known_users = histories.ratings.users
    rows = known_users.lookup(known_users.align(users), missing=missing)
    columns = fitted.items.lookup(fitted.items.align(items), missing=missing)
    if len(rows) != len(columns):
        raise DataError(f"users and items must be as many, got {len(rows):,} and {len(columns):,}")
    known = np.flatnonzero((rows >= 0) & (columns >= 0))
    when = None if times is None else _times(times, len(rows))[known]
    return _Asked(histories, known, rows[known], columns[known], when, len(rows))


def _times(times: npt.ArrayLike, number: int) -> npt.NDArray[np.int64]:
    given = np.asarray(times)
    if given.dtype.kind not in "iu" or given.shape not in {(), (number,)}:
        what = f"{given.dtype} of shape {given.shape}"
        raise DataError(
            f"times: expected whole seconds since 1970, one for each of {number:,} pairs or one for all, got {what}"
        )
    return np.broadcast_to(given.astype(np.int64), (number,))


def _predictions(fitted: FittedModel, asked: _Asked) -> npt.NDArray[np.floating]:
    """Of the known pairs, clipped to the scale."""
    return fitted.scale.clip(_answers(asked, fitted.scorer().predict_pairs))


def _answers(asked: _Asked, answer: Answer) -> npt.NDArray[np.float64]:
    """What `answer` says about the known pairs, which lie in any order, by blocks of users, float64 (K,)."""
    answers = np.empty(len(asked.rows))
    order = np.argsort(asked.rows, kind="stable")
    people, first = np.unique(asked.rows[order], return_index=True)
    ends = np.append(first, len(order))

    def work(block: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]]:
        chosen = people[block]
        places = order[ends[block[0]] : ends[block[-1] + 1]]
        rows = np.searchsorted(chosen, asked.rows[places])
        times = None if asked.times is None else asked.times[places]
        return places, answer(asked.histories.rows(chosen), rows, asked.columns[places], times)

    with closing(over_blocks(work, np.arange(len(people)), size=USERS_PER_BLOCK)) as blocks:
        for _, (places, found) in blocks:
            answers[places] = found
    return answers
