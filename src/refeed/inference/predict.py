"""Predicted ratings of given pairs of users and items."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from refeed.bundles import FittedModel
from refeed.data.ratings import Ratings
from refeed.data.vocabulary import Ids
from refeed.errors import DataError
from refeed.inference.histories import Histories
from refeed.inference.scoring import USERS_PER_BLOCK

UnknownPolicy = Literal["error", "null"]


def predict(
    fitted: FittedModel, users: Ids, items: Ids, *, history: Ratings | None = None, unknown: UnknownPolicy = "error"
) -> npt.NDArray[np.float32]:
    """The predicted rating of each pair, clipped to the scale, float32 (P,).

    Args:
        fitted: the model.
        users: ids, (P,).
        items: ids, (P,).
        history: the ratings that the model may see of the users, new ones among them; None takes those it keeps.
        unknown: what to do with a user without a history or an item the model does not know: "error", or "null" for NaN.

    Raises:
        DataError: an unknown id (with "error"), or the model keeps no histories and none are given.
    """
    seen = history if history is not None else fitted.histories
    if seen is None:
        raise DataError(
            "this model folder keeps no histories, so it does not know what its users rated",
            fix="Give the ratings to look at as well (--history FILE), or train with the histories kept.",
        )
    missing: Literal["error", "mark"] = "error" if unknown == "error" else "mark"
    rows = seen.users.lookup(users, missing=missing)
    columns = fitted.items.lookup(items, missing=missing)
    if len(rows) != len(columns):
        raise DataError(f"users and items must be as many, got {len(rows):,} and {len(columns):,}")
    predictions = np.full(len(rows), np.nan, np.float32)
    known = np.flatnonzero((rows >= 0) & (columns >= 0))
    raw = _predict_known(fitted, Histories.for_model(fitted, seen), rows[known], columns[known])
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
    for start in range(0, len(people), USERS_PER_BLOCK):
        block = people[start : start + USERS_PER_BLOCK]
        places = order[ends[start] : ends[start + len(block)]]
        predictions[places] = fitted.model.predict_pairs(
            histories.rows(block), np.searchsorted(block, rows[places]), columns[places]
        )
    return predictions
