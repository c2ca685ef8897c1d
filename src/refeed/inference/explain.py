"""Why a model predicts a rating: what each rating of the user contributes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Id
from refeed.fitted_model import FittedModel
from refeed.inference.blocks import USERS_PER_BLOCK, over_blocks
from refeed.inference.recommend import history_of


@dataclass(frozen=True)
class Reason:
    """A rating of a user, and what it contributes to a prediction.

    Attributes:
        item: id of the rated item.
        title: None where unknown.
        rating: that the user gave.
        effect: the prediction with this rating minus the prediction without it, on the rating scale.

    Examples:
        >>> from refeed import Reason
        >>> reason = Reason(item=260, title="Star Wars (1977)", rating=5.0, effect=0.12)
        >>> f"{reason.title} {reason.effect:+.2f}"
        'Star Wars (1977) +0.12'
    """

    item: Id
    title: str | None
    rating: float
    effect: float


def explain(fitted: FittedModel, who: Id | Mapping[Id, float], item: Id, *, history: Ratings | None = None) -> list[Reason]:
    """Explain a predicted rating by leaving out each rating of the user's history in turn.

    The effects are exact for any model: it predicts once from the whole history and once from each history that lacks a rating,
    all of them as of a user whom it was not trained on, and before predictions are clipped to the scale. They do not add up to
    the prediction, since ratings that say the same stand in for each other.

    Args:
        fitted: the model.
        who: id of a user, or a new user's ratings as {item id: rating}; ids as they are or as text.
        item: id of the item whose prediction is explained.
        history: as in `recommend`.

    Returns:
        the user's ratings, those with the largest effect (whatever its sign) first.

    Raises:
        DataError: as in `recommend`, or an unknown item.
        ConfigError: a history is given beside a new user's ratings.

    Examples:
        Users with an odd id like items with an odd id, the others those with an even id:

        >>> import numpy as np
        >>> from refeed import ALS, RandomSplit, Ratings, explain, train
        >>> users, items = np.divmod(np.arange(1200), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, np.where(users % 2 == items % 2, 5, 1))
        >>> model = train(ALS(factors=2), RandomSplit().apply(ratings))
        >>> sorted(reason.item for reason in explain(model, {7: 5.0, 8: 5.0}, 9) if reason.effect > 0)
        [7]
    """
    seen = history_of(fitted, who, history=history)
    (index,) = fitted.items.lookup(fitted.items.align([item]))
    scorer = fitted.scorer()

    def work(left_out: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        rows = np.arange(len(left_out), dtype=np.int64)
        return scorer.predict_pairs(_without(seen, left_out), rows, np.full_like(rows, index))

    ratings = np.arange(-1, seen.num_ratings, dtype=np.int64)  # -1: none is left out
    with closing(over_blocks(work, ratings, size=USERS_PER_BLOCK)) as blocks:
        whole, *without = np.concatenate([predictions for _, predictions in blocks]).astype(np.float64).tolist()
    effects = whole - np.array(without)
    order = np.argsort(-np.abs(effects), kind="stable")
    items = seen.indices[order]
    found = zip(fitted.items.decode(items), fitted.titles_of(items), seen.values[order].tolist(), effects[order], strict=True)
    return [Reason(id_, title, rating, float(effect)) for id_, title, rating, effect in found]


def _without(history: History, left_out: npt.NDArray[np.int64]) -> History:
    """Histories that each lack one rating of a history of one row, by its index, (B,); index -1 leaves out none."""
    is_kept = np.arange(history.num_ratings) != left_out[:, None]  # (B, ratings)
    rows, kept = np.nonzero(is_kept)
    return History(
        indptr=np.searchsorted(rows, np.arange(len(left_out) + 1)).astype(np.int64),
        indices=history.indices[kept],
        values=history.values[kept],
        num_items=history.num_items,
        users=np.full(len(left_out), -1, np.int64),
        timestamps=None if history.timestamps is None else history.timestamps[kept],
    )
