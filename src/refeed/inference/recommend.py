"""Top-N recommendations for a known user or a new person, without retraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refeed.data.history import History
from refeed.data.vocabulary import Id
from refeed.errors import ConfigError, DataError
from refeed.fitted_model import FittedModel
from refeed.inference.histories import Histories


@dataclass(frozen=True)
class Recommendation:
    """One recommended item.

    Attributes:
        rank: from 1.
        item: its id.
        title: None where unknown.
        rating: predicted, clipped to the scale.
    """

    rank: int
    item: Id
    title: str | None
    rating: float


def recommend(
    fitted: FittedModel,
    who: Id | Mapping[Id, float],
    *,
    k: int = 10,
    exclude_seen: bool = True,
    exclude: tuple[Id, ...] = (),
    history: History | None = None,
) -> list[Recommendation]:
    """The k items that a person would rate highest.

    Args:
        fitted: the model.
        who: the id of a user, or a new person's ratings as {item id: rating}; ids as they are or as text.
        k: how many, at least 1; fewer come back when the catalogue is smaller.
        exclude_seen: leave out the items of the person's history.
        exclude: further item ids to leave out.
        history: for a user id: the one row that the model may see, where it does not keep histories itself.

    Raises:
        DataError: unknown user or item, a rating outside the scale, no history for a user id, or a history without ratings, of
            several people, or of other items than the model's.
        ConfigError: k is below 1.
    """
    if k < 1:
        raise ConfigError(f"k: expected at least 1, got {k}")
    seen = history if history is not None else history_of(fitted, who)
    _require_one_person(seen, fitted)
    scores = fitted.model.scorer().score_rows(seen)[0].astype(np.float64)  # (n,)
    left_out = np.zeros(len(scores), bool)
    if exclude_seen:
        left_out[seen.indices] = True
    left_out[fitted.items.lookup(fitted.items.align(list(exclude)))] = True
    candidates = np.flatnonzero(~left_out)
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    ratings = fitted.scale.clip(scores[best])
    ids = fitted.items.decode(best)
    titles = [fitted.titles[place] if fitted.titles else None for place in best]
    return [
        Recommendation(rank, item, title, float(rating))
        for rank, (item, title, rating) in enumerate(zip(ids, titles, ratings, strict=True), start=1)
    ]


def history_of(fitted: FittedModel, who: Id | Mapping[Id, float]) -> History:
    """What the model may see of a user (by id) or of a new person (by their ratings).

    Raises:
        DataError: unknown user or item, a rating outside the scale, or the model keeps no histories.
    """
    if isinstance(who, Mapping):
        return new_history(fitted, list(who), list(who.values()))
    position = fitted.users.lookup(fitted.users.align([who]))
    return Histories.seen_by(fitted, None).rows(position)


def new_history(fitted: FittedModel, items: list[Id], ratings: list[float]) -> History:
    """The history of a person who was not in training.

    Raises:
        DataError: unknown or repeated item, or a rating outside the model's scale.
    """
    values = np.asarray(ratings, np.float32)
    outside = ~((values >= fitted.scale.minimum) & (values <= fitted.scale.maximum))
    if outside.any():
        place = int(np.argmax(outside))
        raise DataError(
            f"the rating {ratings[place]:g} of item {items[place]!r} is outside the scale "
            f"{fitted.scale.minimum:g} to {fitted.scale.maximum:g} of this model"
        )
    return History.of_one(fitted.items.lookup(fitted.items.align(items)), values, num_items=len(fitted.items))


def _require_one_person(history: History, fitted: FittedModel) -> None:
    if len(history) != 1 or history.num_items != len(fitted.items):
        raise DataError(
            f"history: expected one person over the model's {len(fitted.items):,} items, "
            f"got {len(history):,} over {history.num_items:,}"
        )
    if history.num_ratings == 0:
        raise DataError(
            "the person has no rating of an item that the model knows, so nothing is known of their taste",
            fix="Give at least one rating.",
        )
