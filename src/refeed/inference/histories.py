"""The histories of users, as a model may see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Id
from refeed.errors import BundleError, DataError
from refeed.fitted_model import FittedModel


@dataclass(frozen=True, eq=False)
class Histories:
    """Ratings over the model's items, of users who may or may not have been in its training.

    Attributes:
        ratings: the histories, users x the model's items.
        known_as: int64 (num_users,), each user's row in the training ratings, -1 for a user without one.
    """

    ratings: Ratings
    known_as: npt.NDArray[np.int64]

    @classmethod
    def of_training(cls, train: Ratings) -> Histories:
        """Return the histories that a model is trained on."""
        return cls(train, np.arange(train.num_users, dtype=np.int64))

    @classmethod
    def for_model(cls, fitted: FittedModel, ratings: Ratings) -> Histories:
        """Return any ratings as histories, without those of items that the model does not know."""
        known = ratings if ratings.items == fitted.items else ratings.reindexed(ratings.users, fitted.items)[0]
        return cls(known, _rows_in_training(fitted, ratings))

    @classmethod
    def seen_by(cls, fitted: FittedModel, given: Ratings | None) -> Histories:
        """Return the given ratings as histories, or those that the model keeps; raises as `require_histories` does."""
        return cls.for_model(fitted, require_histories(fitted, given))

    def rows(self, users: npt.ArrayLike) -> History:
        """Return the histories of the users at these rows, int64 (B,).

        Raises:
            BundleError: an item is not one of the model's, as in a damaged file that is mapped and was never read as a whole.
        """
        history = self.ratings.rows(users)
        if history.num_ratings and not 0 <= history.indices.min() <= history.indices.max() < history.num_items:
            raise BundleError(
                f"the histories hold an item beyond the {history.num_items:,} of the model, so their file is damaged\n"
                "  `refeed check` of the model folder or the store names the file."
            )
        return replace(history, users=self.known_as[history.users])


def require_histories(fitted: FittedModel, given: Ratings | None) -> Ratings:
    """Return the given ratings, or those that the model keeps where none are given.

    Raises:
        DataError: what is given is not `Ratings`, or the model keeps none and none are given.
    """
    seen = fitted.histories if given is None else given
    if seen is None:
        raise DataError(
            "this model keeps no histories, so it does not know what its users rated",
            fix="Give their ratings (--history FILE, in Python history=RATINGS), or train with the histories kept.",
        )
    if not isinstance(seen, Ratings):
        raise DataError(
            f"history: expected Ratings, got {type(seen).__name__}",
            fix="Read a file with read_ratings, or build them with Ratings.from_columns.",
        )
    return seen


def ratings_of_user(ratings: Ratings, user: Id) -> Ratings:
    """Return the ratings of a single user, under a vocabulary of that user.

    Raises:
        DataError: the user is unknown.
    """
    row = ratings.users.lookup(ratings.users.align([user]))
    entries = slice(*ratings.indptr[[row[0], row[0] + 1]].tolist())
    return replace(
        ratings,
        users=ratings.users.take(row),
        indptr=np.array([0, entries.stop - entries.start], np.int64),
        indices=ratings.indices[entries],
        values=ratings.values[entries],
        timestamps=None if ratings.timestamps is None else ratings.timestamps[entries],
        labels={},
        notes=(),
    )


def _rows_in_training(fitted: FittedModel, ratings: Ratings) -> npt.NDArray[np.int64]:
    if ratings.users == fitted.users:
        return np.arange(ratings.num_users, dtype=np.int64)
    if ratings.users.is_integer != fitted.users.is_integer:
        return np.full(ratings.num_users, -1, np.int64)
    return fitted.users.lookup(ratings.users.ids, missing="mark")
