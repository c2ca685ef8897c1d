"""Predicted ratings of given pairs of users and items."""

from __future__ import annotations

from contextlib import closing
from typing import Literal

import numpy as np
import numpy.typing as npt

from refeed.bundles import FittedModel
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Ids
from refeed.errors import DataError
from refeed.inference.blocks import USERS_PER_BLOCK, over_blocks
from refeed.inference.histories import Histories

UnknownPolicy = Literal["error", "null"]


def predict(
    fitted: FittedModel, users: Ids, items: Ids, *, history: Ratings | None = None, unknown: UnknownPolicy = "error"
) -> npt.NDArray[np.float32]:
    """The predicted rating of each pair, clipped to the scale, float32 (P,).

    Args:
        fitted: the model.
        users: ids, (P,), as they are or as text.
        items: ids, (P,), likewise.
        history: the ratings that the model may see of the users, new ones among them; None takes those it keeps.
        unknown: what to do with a user without a history or an item the model does not know: "error", or "null" for NaN.

    Raises:
        DataError: an unknown id (with "error"), or the model keeps no histories and none are given.
    """
    histories = Histories.seen_by(fitted, history)
    missing: Literal["error", "mark"] = "error" if unknown == "error" else "mark"
    known_users = histories.ratings.users
    rows = known_users.lookup(known_users.align(users), missing=missing)
    columns = fitted.items.lookup(fitted.items.align(items), missing=missing)
    if len(rows) != len(columns):
        raise DataError(f"users and items must be as many, got {len(rows):,} and {len(columns):,}")
    predictions = np.full(len(rows), np.nan, np.float32)
    known = np.flatnonzero((rows >= 0) & (columns >= 0))
    raw = _predict_known(fitted, histories, rows[known], columns[known])
    predictions[known] = fitted.scale.clip(raw)
    return predictions


def _predict_known(
    fitted: FittedModel, histories: Histories, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Predictions of pairs in any order, by blocks of users."""
    predictions = np.empty(len(rows), np.float32)
    order = np.argsort(rows, kind="stable")
    people, first = np.unique(rows[order], return_index=True)
    ends = np.append(first, len(rows))
    scorer = fitted.model.scorer()

    def work(block: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        asked = people[block]
        places = order[ends[block[0]] : ends[block[-1] + 1]]
        return places, scorer.predict_pairs(histories.rows(asked), np.searchsorted(asked, rows[places]), columns[places])

    with closing(over_blocks(work, np.arange(len(people)), size=USERS_PER_BLOCK)) as blocks:
        for _, (places, predicted) in blocks:
            predictions[places] = predicted
    return predictions
