"""Predictions for many pairs, in blocks of users and bounded memory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.inference.blocks import USERS_PER_BLOCK, over_blocks
from refeed.inference.histories import Histories
from refeed.inference.progress import Progress, silent
from refeed.models.base import RatingModel

Predicted = tuple[npt.NDArray[np.int64], tuple[History, npt.NDArray[np.float32]]]


def predicted_blocks(
    model: RatingModel, histories: Histories, asked: Ratings, *, progress: Progress = silent
) -> Generator[Predicted, None, None]:
    """For each block of users who are asked about: the users, what is asked, and a prediction for each rating of it.

    Args:
        model: fitted.
        histories: what the model may see of each user; only those of users who are asked about are read.
        asked: the pairs asked about, under the vocabularies of the histories; their values play no part, their times only in
            models that know time.
        progress: shows how many users are done.

    Yields:
        positions of the users; what is asked, a row for each of them; the predictions, not clipped, float32 (pairs,).
    """
    scorer = model.scorer()

    def work(block: npt.NDArray[np.int64]) -> tuple[History, npt.NDArray[np.float32]]:
        wanted = asked.rows(block)
        return wanted, scorer.predict_pairs(histories.rows(block), wanted.row_of_rating, wanted.indices, wanted.timestamps)

    users = np.flatnonzero(asked.user_counts)
    return over_blocks(work, users, size=USERS_PER_BLOCK, task="predicting", progress=progress)


def predict_ratings(model: RatingModel, histories: Histories, asked: Ratings) -> npt.NDArray[np.float32]:
    """Predictions for every rating of `asked`, float32 (len(asked),), not clipped; see `predicted_blocks`."""
    predictions = np.empty(len(asked), np.float32)
    done = 0
    with closing(predicted_blocks(model, histories, asked)) as blocks:
        for _, (_, predicted) in blocks:
            predictions[done : done + len(predicted)] = predicted
            done += len(predicted)
    return predictions
