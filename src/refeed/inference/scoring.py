"""Predictions for many pairs, in blocks of users and bounded memory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.data.history import History
from refeed.data.ratings import Ratings
from refeed.inference.blocks import USERS_PER_BLOCK, Block, over_blocks
from refeed.inference.histories import Histories
from refeed.inference.progress import Progress, silent
from refeed.models.base import RatingModel


class Predicted(NamedTuple):
    """Predictions for a block of B users.

    Attributes:
        history: what the model saw of them.
        wanted: what is asked, a row for each of them.
        predictions: one for each rating of `wanted`, not clipped, float32 (pairs,).
    """

    history: History
    wanted: History
    predictions: npt.NDArray[np.float32]


def predicted_blocks(
    model: RatingModel, histories: Histories, asked: Ratings, *, progress: Progress = silent
) -> Generator[Block[Predicted], None, None]:
    """For each block of users who are asked about: their positions, and a prediction for each rating that is asked.

    Args:
        model: fitted.
        histories: what the model may see of each user; only those of users who are asked about are read.
        asked: the pairs asked about, under the vocabularies of the histories; their values play no part, their times only in
            models that know time.
        progress: shows how many users are done.
    """
    scorer = model.scorer()

    def work(block: npt.NDArray[np.int64]) -> Predicted:
        history, wanted = histories.rows(block), asked.rows(block)
        predictions = scorer.predict_pairs(history, wanted.row_of_rating, wanted.indices, wanted.timestamps)
        return Predicted(history, wanted, predictions)

    users = np.flatnonzero(asked.user_counts)
    return over_blocks(work, users, size=USERS_PER_BLOCK, task="predicting", progress=progress)


def predict_ratings(model: RatingModel, histories: Histories, asked: Ratings) -> npt.NDArray[np.float32]:
    """Predictions for every rating of `asked`, float32 (len(asked),), not clipped; see `predicted_blocks`."""
    predictions = np.empty(len(asked), np.float32)
    done = 0
    with closing(predicted_blocks(model, histories, asked)) as blocks:
        for _, block in blocks:
            predictions[done : done + len(block.predictions)] = block.predictions
            done += len(block.predictions)
    return predictions
