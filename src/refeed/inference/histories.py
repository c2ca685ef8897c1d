"""The histories of many users, as a model may see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from refeed.bundles import FittedModel
from refeed.data.history import History
from refeed.data.ratings import Ratings


@dataclass(frozen=True, eq=False)
class Histories:
    """Ratings over the model's items, of users who may or may not have been in its training.

    Attributes:
        ratings: the histories, users x the model's items.
        known_as: int64 (num_users,), each user's position in training, -1 for a person who was not in it.
    """

    ratings: Ratings
    known_as: npt.NDArray[np.int64]

    @classmethod
    def of_training(cls, train: Ratings) -> Histories:
        """The histories that a model is trained on."""
        return cls(train, np.arange(train.num_users, dtype=np.int64))

    @classmethod
    def for_model(cls, fitted: FittedModel, ratings: Ratings) -> Histories:
        """Any ratings as histories; those of items that the model does not know are left out."""
        known = ratings if ratings.items == fitted.items else ratings.reindexed(ratings.users, fitted.items)[0]
        return cls(known, _positions(fitted, ratings))

    def rows(self, users: npt.ArrayLike) -> History:
        """The histories of the users at these positions."""
        history = self.ratings.rows(users)
        return replace(history, users=self.known_as[history.users])


def _positions(fitted: FittedModel, ratings: Ratings) -> npt.NDArray[np.int64]:
    if ratings.users == fitted.users:
        return np.arange(ratings.num_users, dtype=np.int64)
    if ratings.users.is_integer != fitted.users.is_integer:
        return np.full(ratings.num_users, -1, np.int64)
    return fitted.users.lookup(ratings.users.ids, missing="mark")
