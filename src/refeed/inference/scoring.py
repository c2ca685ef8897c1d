"""Predictions for pairs of users and items, in blocks of users and bounded memory."""

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
from refeed.models.base import Scorer
from refeed.progress import Callback, silent


class Predicted(NamedTuple):
    """Predictions for a block of B users.

    Attributes:
        history: what the model saw of them.
        wanted: the requested pairs, B rows.
        predictions: of the pairs of `wanted`, not clipped, float32 (pairs,).
    """

    history: History
    wanted: History
    predictions: npt.NDArray[np.float32]


def predicted_blocks(
    scorer: Scorer,
    histories: Histories,
    requested: Ratings,
    *,
    users_per_block: int | None = None,
    progress: Callback = silent,
) -> Generator[Block[Predicted], None, None]:
    """Predict the requested pairs in blocks of users; yield the rows of the users of each block and its predictions.

    Args:
        scorer: of a fitted model.
        histories: what the model may see of each user; only those of users with a requested pair are read.
        requested: the pairs to predict, under the vocabularies of the histories; their values play no part, their times only
            in models that know time.
        users_per_block: at least 1; default: `USERS_PER_BLOCK`.
        progress: called with the number of users that are done.
    """

    def work(block: npt.NDArray[np.int64]) -> Predicted:
        history, wanted = histories.rows(block), requested.rows(block)
        predictions = scorer.predict_pairs(history, wanted.row_of_rating, wanted.indices, wanted.timestamps)
        return Predicted(history, wanted, predictions)

    users = np.flatnonzero(requested.user_counts)
    return over_blocks(work, users, size=users_per_block or USERS_PER_BLOCK, task="predicting", progress=progress)


def predict_ratings(
    scorer: Scorer, histories: Histories, requested: Ratings, *, users_per_block: int | None = None
) -> npt.NDArray[np.float32]:
    """Predict every pair of `requested`, float32 (len(requested),), not clipped; see `predicted_blocks`."""
    predictions = np.empty(len(requested), np.float32)
    done = 0
    with closing(predicted_blocks(scorer, histories, requested, users_per_block=users_per_block)) as blocks:
        for _, block in blocks:
            predictions[done : done + len(block.predictions)] = block.predictions
            done += len(block.predictions)
    return predictions
