"""Top-N recommendations for a known or a new user, without retraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Id
from refeed.errors import ConfigError, DataError
from refeed.fitted_model import FittedModel
from refeed.inference.histories import Histories, ratings_of_user, require_histories


@dataclass(frozen=True)
class Recommendation:
    """One recommended item.

    Attributes:
        rank: from 1.
        item: its id.
        title: None where unknown.
        rating: predicted, clipped to the scale.

    Examples:
        >>> from refeed import Recommendation
        >>> Recommendation(rank=1, item=912, title="Casablanca (1942)", rating=4.82).title
        'Casablanca (1942)'
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
    history: Ratings | None = None,
) -> list[Recommendation]:
    """Recommend the k items with the highest predicted ratings to one user.

    The model's scorer is kept by `fitted`, so that further calls are fast.

    Args:
        fitted: the model.
        who: id of a user, or a new user's ratings as {item id: rating}; ids as they are or as text.
        k: number of items, at least 1; fewer are returned where the catalogue is smaller.
        exclude_seen: leave out the items of the user's history.
        exclude: further item ids to leave out.
        history: ratings that the model may see of its users, new ones among them; default: those that it keeps. Not used with
            a new user's ratings, which are all that the model then sees.

    Raises:
        DataError: unknown user or item, a rating outside the scale, no history is kept and none given, or the user has no
            rating of an item that the model knows.
        ConfigError: k is below 1, or a history is given beside a new user's ratings.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, recommend, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> model = train(Bias(), RandomSplit().apply(ratings))
        >>> [recommendation.rank for recommendation in recommend(model, 3, k=4)]  # a user of the training ratings
        [1, 2, 3, 4]
        >>> new = recommend(model, {7: 5.0, 8: 2.0}, k=4)  # a new user, by their ratings
        >>> {7, 8}.isdisjoint(recommendation.item for recommendation in new)
        True
    """
    if k < 1:
        raise ConfigError(f"k: expected at least 1, got {k}")
    seen = history_of(fitted, who, history=history)
    scores = fitted.scorer().score_rows(seen)[0].astype(np.float64)  # (n,)
    left_out = np.zeros(len(scores), bool)
    if exclude_seen:
        left_out[seen.indices] = True
    left_out[fitted.items.lookup(fitted.items.align(list(exclude)))] = True
    candidates = np.flatnonzero(~left_out)
    best = candidates[np.argsort(-scores[candidates], kind="stable")[:k]]
    ratings = fitted.scale.clip(scores[best])
    ids, titles = fitted.items.decode(best), fitted.titles_of(best)
    return [
        Recommendation(rank, item, title, float(rating))
        for rank, (item, title, rating) in enumerate(zip(ids, titles, ratings, strict=True), start=1)
    ]


def history_of(fitted: FittedModel, who: Id | Mapping[Id, float], *, history: Ratings | None = None) -> History:
    """Return what the model may see of a user (by id) or of a new user (by their ratings).

    Raises:
        DataError: as in `recommend`.
        ConfigError: a history is given beside a new user's ratings.
    """
    if isinstance(who, Mapping):
        if history is not None:
            raise ConfigError("history: not used with a new user's ratings; give the id of a user of that history instead")
        seen = new_history(fitted, list(who), list(who.values()))
    else:
        seen = Histories.for_model(fitted, ratings_of_user(require_histories(fitted, history), who)).rows([0])
    if seen.num_ratings == 0:
        raise DataError(
            "the user has no rating of an item that the model knows, so nothing is known of their taste",
            fix="Give at least one rating.",
        )
    return seen


def new_history(fitted: FittedModel, items: list[Id], ratings: list[float]) -> History:
    """Return the history of a user who was not in training.

    Raises:
        DataError: unknown or repeated item, or a rating outside the model's scale.
    """
    values = np.asarray(ratings, np.float32)
    outside = ~((values >= fitted.scale.minimum) & (values <= fitted.scale.maximum))
    if outside.any():
        first = int(np.argmax(outside))
        raise DataError(
            f"the rating {ratings[first]:g} of item {items[first]!r} is outside the scale "
            f"{fitted.scale.minimum:g} to {fitted.scale.maximum:g} of this model"
        )
    return History.of_one(fitted.items.lookup(fitted.items.align(items)), values, num_items=len(fitted.items))
