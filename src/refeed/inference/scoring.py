"""Predictions for many pairs, in blocks of bounded memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings
from refeed.inference.histories import Histories
from refeed.models.base import RatingModel

USERS_PER_BLOCK = 4096


def predict_ratings(model: RatingModel, histories: Histories, asked: Ratings) -> npt.NDArray[np.float32]:
    """Predictions for every rating of `asked`, float32 (len(asked),), not clipped.

    Args:
        model: fitted.
        histories: what the model may see of each user.
        asked: the pairs asked about, under the vocabularies of the histories; their values play no part.
    """
    predictions = np.empty(len(asked), np.float32)
    users = np.flatnonzero(asked.user_counts)
    for start in range(0, len(users), USERS_PER_BLOCK):
        block = users[start : start + USERS_PER_BLOCK]
        wanted = asked.rows(block)
        places = slice(asked.indptr[block[0]], asked.indptr[block[-1] + 1])
        predictions[places] = model.predict_pairs(histories.rows(block), wanted.row_of_rating, wanted.indices)
    return predictions
