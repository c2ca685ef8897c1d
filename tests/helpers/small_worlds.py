"""Small ratings, splits and models with known answers, shared by the tests."""

from __future__ import annotations

import signal
from dataclasses import replace

import numpy as np

from refeed.data.history import History
from refeed.data.ratings import Ratings, RatingScale
from refeed.data.splits.base import Split
from refeed.data.splits.random import RandomSplit
from refeed.fitted_model import FittedModel, Provenance
from refeed.models import Bias
from refeed.training.progress import SilentWatcher

STARS = RatingScale(1.0, 5.0)


def ratings_of(*triples, scale=STARS, vocabularies=None, **columns) -> Ratings:
    """Ratings from (user, item, rating)."""
    users, items, values = zip(*triples, strict=True)
    return Ratings.from_columns(list(users), list(items), values, scale=scale, vocabularies=vocabularies, **columns)


def history_of(*rows, num_items, users=None) -> History:
    """A history from one {item position: rating} a person."""
    return History(
        indptr=np.cumsum([0, *map(len, rows)], dtype=np.int64),
        indices=np.array([item for row in rows for item in sorted(row)], np.int64),
        values=np.array([row[item] for row in rows for item in sorted(row)], np.float32),
        num_items=num_items,
        users=np.full(len(rows), -1, np.int64) if users is None else np.asarray(users, np.int64),
    )


def random_ratings(*, users=24, items=15, share=0.4, seed=0, named=False) -> Ratings:
    """Stars with a taste behind them: 3 + user's + item's bias + one hidden factor, rounded."""
    rng = np.random.default_rng(seed)
    expected = 3 + rng.normal(0, 0.5, (users, 1)) + rng.normal(0, 0.7, (1, items))
    expected = expected + rng.normal(size=(users, 1)) @ rng.normal(size=(1, items))
    rated = rng.random((users, items)) < share
    rated[np.arange(users), np.arange(users) % items] = True
    rows, columns = np.nonzero(rated)
    values = np.clip(np.round(expected[rows, columns]), 1, 5)
    if named:
        return ratings_of(*((f"user {r}", f"item {c}", v) for r, c, v in zip(rows, columns, values, strict=True)))
    return ratings_of(*((int(r), 10 * int(c), v) for r, c, v in zip(rows, columns, values, strict=True)))


def with_times(ratings: Ratings, *, days=60, seed=0) -> Ratings:
    """The same ratings, each given at some second of the first days of 2000."""
    seconds = np.random.default_rng(seed).integers(0, days * 86_400, len(ratings))
    return replace(ratings, timestamps=946_684_800 + seconds)


def random_split(*, given=lambda ratings: ratings, **options) -> Split:
    """`random_ratings`, or what `given` makes of them, cut at random."""
    return RandomSplit(valid=0.15, test=0.15, seed=1).apply(given(random_ratings(**options)))


def split_of(train: Ratings, valid: Ratings | None = None, test: Ratings | None = None) -> Split:
    """A split from its parts, which are under one vocabulary; train itself stands in for a part not given."""
    return Split(
        train=train,
        valid=train if valid is None else valid,
        test=train if test is None else test,
        splitter=RandomSplit(),
        cold={},
        left_out={},
        notes=(),
        source_fingerprint="the source",
    )


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


class InterruptAfter(SilentWatcher):
    """Presses Ctrl-C `times` times after a number of steps."""

    def __init__(self, steps: int, *, times: int = 1) -> None:
        self.left, self.times = steps, times

    def step(self, *, epoch: int, step: int, train_rmse: float) -> None:
        self.left -= 1
        if self.left == 0:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


class Recorder(SilentWatcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started, self.steps, self.records, self.best, self.stopped = [], [], [], [], 0

    def start(self, *, epoch, epochs, steps):
        self.started.append((epoch, epochs, steps))

    def step(self, *, epoch, step, train_rmse):
        self.steps.append((epoch, step))

    def epoch(self, record, *, is_best):
        self.records.append(record)
        self.best.append(is_best)

    def stop(self):
        self.stopped += 1


def predictions_of(fitted: FittedModel) -> np.ndarray:
    """Scores of all items for all training users."""
    return fitted.scorer().score_rows(fitted.histories.rows())


def timeless(log) -> list[dict]:
    """A training log without what depends on the clock."""
    return [{key: value for key, value in record.items() if "second" not in key} for record in log]
