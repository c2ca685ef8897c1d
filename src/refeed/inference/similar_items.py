"""Items that a fitted model takes for similar: those that it predicts to be liked by the same users."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Id
from refeed.errors import ConfigError
from refeed.fitted_model import FittedModel
from refeed.inference.blocks import over_blocks, users_per_scored_block
from refeed.inference.histories import Histories

NUM_USERS = 1000
SEED = 0  # of the sample of users
SUPPORT_DAMPING = 10.0  # ratings at which a similarity is halved
LEAST_DEVIATION = 1e-5  # of predictions that differ at all, in widths of the rating scale


@dataclass(frozen=True)
class SimilarItem:
    """An item that is similar to another one.

    Attributes:
        item: its id.
        title: None where unknown.
        similarity: -1 to 1; see `similar_items`.

    Examples:
        >>> from refeed import SimilarItem
        >>> SimilarItem(item=260, title="Star Wars (1977)", similarity=0.91).item
        260
    """

    item: Id
    title: str | None
    similarity: float


def similar_items(
    fitted: FittedModel, item: Id, *, k: int = 10, history: Ratings | None = None, num_users: int = NUM_USERS
) -> list[SimilarItem]:
    """Find the k items that are most similar to an item, by any model.

    Two items are similar where the same users are predicted to rate both above or below the rest of the catalogue. From the
    predicted ratings of all items for up to `num_users` users (a sample with a fixed seed) each user's mean is subtracted, and
    the similarity is Pearson's correlation of two items over these users: the adjusted cosine of Sarwar et al. (2001) on
    predictions instead of ratings, of which there is one for every user and item. It is multiplied by n / (n + 10), where n is
    the number of ratings of the less rated of the two items, since little is known of an item with few ratings (Koren 2008). It
    is 0 where a model predicts no difference between users, as of biases alone.

    Args:
        fitted: the model.
        item: id of the item, as it is or as text.
        k: number of items, at least 1; fewer are returned where the catalogue is smaller.
        history: ratings that the model may see of its users; default: those that it keeps.
        num_users: number of users whose predictions are compared, at most; a call scores every item for each of them.

    Raises:
        DataError: unknown item, or no history is kept and none given.
        ConfigError: k is below 1, or `num_users` below 2.

    Examples:
        Users with an odd id like items with an odd id, the others those with an even id:

        >>> import numpy as np
        >>> from refeed import ALS, RandomSplit, Ratings, similar_items, train
        >>> users, items = np.divmod(np.arange(1200), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, np.where(users % 2 == items % 2, 5, 1))
        >>> model = train(ALS(factors=2), RandomSplit().apply(ratings))
        >>> {found.item % 2 for found in similar_items(model, 7, k=5)}
        {1}
    """
    for name, value, least in (("k", k, 1), ("num_users", num_users, 2)):
        if value < least:
            raise ConfigError(f"{name}: expected at least {least}, got {value}")
    (index,) = fitted.items.lookup(fitted.items.align([item]))
    histories = Histories.seen_by(fitted, history)
    similarity = _correlations(fitted, histories, index, num_users) * _confidence(histories.ratings.item_counts, index)
    similarity[index] = -np.inf
    best = np.argsort(-similarity, kind="stable")[: min(k, len(similarity) - 1)]
    found = zip(fitted.items.decode(best), fitted.titles_of(best), similarity[best].tolist(), strict=True)
    return [SimilarItem(*values) for values in found]


class _Sums(NamedTuple):
    """Sums over users of x, x² and x·y, float64 (n,) each; y is x of the item to compare with."""

    values: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]
    products: npt.NDArray[np.float64]


def _correlations(fitted: FittedModel, histories: Histories, index: int, num_users: int) -> npt.NDArray[np.float64]:
    """Of every item's centred predictions with those of the item at `index`, float64 (n,); 0 where they do not differ."""
    users, scorer = _sample(histories.ratings, num_users), fitted.scorer()

    def work(block: npt.NDArray[np.int64]) -> _Sums:
        scores = scorer.score_rows(histories.rows(block)).astype(np.float64)  # (B, n)
        scores -= scores.mean(axis=1, keepdims=True)
        return _Sums(scores.sum(axis=0), np.square(scores).sum(axis=0), scores.T @ scores[:, index])

    total = np.zeros((3, len(fitted.items)))
    with closing(over_blocks(work, users, size=users_per_scored_block(len(fitted.items)))) as blocks:
        for _, sums in blocks:
            total += sums
    values, squares, products = total / max(1, len(users))
    deviations = np.sqrt(np.maximum(squares - np.square(values), 0))
    floor = LEAST_DEVIATION * (fitted.scale.maximum - fitted.scale.minimum)
    differs = (deviations > floor) & (deviations[index] > floor)
    covariances = products - values * values[index]
    correlations = np.zeros(len(covariances))
    np.divide(covariances, deviations * deviations[index], out=correlations, where=differs)
    return correlations.clip(-1, 1)


def _sample(ratings: Ratings, num_users: int) -> npt.NDArray[np.int64]:
    """Rows of at most `num_users` users with ratings, int64."""
    users = np.flatnonzero(ratings.user_counts)
    if len(users) <= num_users:
        return users
    return np.sort(np.random.default_rng(SEED).choice(users, num_users, replace=False))


def _confidence(counts: npt.NDArray[np.int64], index: int) -> npt.NDArray[np.float64]:
    """What similarities to the item at `index` are multiplied by, 0 to 1, float64 (n,)."""
    support = np.minimum(counts, counts[index])
    return np.asarray(support / (support + SUPPORT_DAMPING))
