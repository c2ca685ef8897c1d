"""Small worlds and models with known answers, shared by the tests; most of them are those of `refeed.testing`."""

from __future__ import annotations

import numpy as np

from refeed.data.ratings import Ratings
from refeed.fitted_model import FittedModel, Provenance
from refeed.models import Bias
from refeed.progress import Event
from refeed.testing import (
    STARS,
    InterruptAfter,
    history_of,
    predictions_of,
    random_ratings,
    random_split,
    ratings_of,
    split_of,
    timeless,
    with_times,
)

__all__ = [
    "STARS",
    "InterruptAfter",
    "Recorder",
    "history_of",
    "model_of_item_biases",
    "predictions_of",
    "random_ratings",
    "random_split",
    "ratings_of",
    "split_of",
    "timeless",
    "with_times",
]


def model_of_item_biases(train: Ratings, item_bias, *, mean=3.0, titles=(), keep_histories=True) -> FittedModel:
    """A model that predicts mean + item_bias[item], whoever asks."""
    spec = Bias(user_regularisation=1e15)
    model = spec.build(train.num_users, train.num_items, seed=0)
    model.offsets.set(mean, np.asarray(item_bias, float))
    return FittedModel(
        spec=spec,
        model=model,
        users=train.users,
        items=train.items,
        scale=train.scale,
        histories=train if keep_histories else None,
        provenance=Provenance(),
        titles=tuple(titles),
    )


class Recorder:
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> list:
        """The events of this kind."""
        return [event for event in self.events if isinstance(event, kind)]
