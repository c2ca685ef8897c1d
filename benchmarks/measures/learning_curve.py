"""Validation error against the time since training began: of refeed's training, and of the dense reference's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from harness.dense import (
    DenseAutoEncoder,
    DenseTrainer,
    UserLists,
    as_lists,
    code_masks,
    dense_batches,
    dense_rows,
    initial_weights,
)
from refeed.data.splits.base import Split
from refeed.models import AutoEncoder
from refeed.optim.optimizers import learning_rate_at, set_learning_rate
from refeed.optim.options import TrainingOptions
from refeed.progress import Event
from refeed.runtime import Runtime
from refeed.training.events import EpochFinished
from refeed.training.train import train


@dataclass
class Curve:
    """A run as it looks on the clock; also a callback of refeed's training.

    Attributes:
        seconds: since training began, after the validation of each epoch.
        rmse: on the validation set, predictions clipped to the scale.
    """

    seconds: list[float] = field(default_factory=list)
    rmse: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    @property
    def best(self) -> float:
        """The lowest error."""
        return min(self.rmse)

    def first_at(self, bound: float) -> float | None:
        """Seconds to the first error of at most `bound`; None where there is none."""
        return next((spent for spent, rmse in zip(self.seconds, self.rmse, strict=True) if rmse <= bound), None)

    def add(self, rmse: float) -> None:
        """An epoch has just been validated."""
        self.seconds.append(time.perf_counter() - self.began)
        self.rmse.append(rmse)

    def __call__(self, event: Event) -> None:
        """Add an epoch of refeed's training; the clock runs since the curve was made."""
        if isinstance(event, EpochFinished):
            self.add(math.nan if event.record.valid_rmse is None else event.record.valid_rmse)


def refeed_curve(spec: AutoEncoder, split: Split, options: TrainingOptions, runtime: Runtime) -> Curve:
    """refeed's training as `refeed train` does it; the clock starts before anything is worked out from the split."""
    curve = Curve()
    train(spec, split, options, runtime=runtime, progress=curve)
    return curve


def dense_curve(spec: AutoEncoder, split: Split, options: TrainingOptions, seed: int) -> Curve:
    """The dense reference, batches as the original program makes them; the clock starts when it has its lists.

    It validates in dense batches, which is kinder than the original's way, one user at a time. A run whose error is no number
    any more ends.
    """
    train_part, num_items = split.train, split.train.num_items
    lists = as_lists(train_part.indptr, train_part.indices, train_part.values, num_items)
    torch.manual_seed(seed)
    curve = Curve()
    model = DenseAutoEncoder(
        initial_weights(spec.encoder, num_items, seed=seed),
        activation=spec.activation,
        activation_on_last_layer=spec.activation_on_last_layer,
    )
    optimizer = torch.optim.SGD(
        model.parameters(), lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
    )
    trainer = DenseTrainer(model, optimizer, refeed_steps=options.refeed_steps, refeed_label=options.refeed_label)
    validate = _validation(model, lists, split, options.batch_size)
    for epoch in range(options.epochs):
        set_learning_rate(optimizer, learning_rate_at(options, epoch=epoch, step=0, steps_per_epoch=1))
        for ratings, rated in dense_batches(lists, num_items, options.batch_size, seed=seed + epoch):
            trainer.step(ratings, rated, code_masks(len(ratings), spec.encoder[-1], spec.dropout, 1 + options.refeed_steps))
        rmse = validate()
        if not math.isfinite(rmse):
            break
        curve.add(rmse)
    return curve


def _validation(model: DenseAutoEncoder, lists: UserLists, split: Split, rows: int) -> Callable[[], float]:
    """A function that gives the model's RMSE on the validation set, so many users at a time."""
    valid = split.valid
    users = np.flatnonzero(valid.user_counts)

    @torch.no_grad()
    def measure() -> float:
        total = 0.0
        for start in range(0, len(users), rows):
            block = users[start : start + rows]
            outputs = model(dense_rows([lists[user] for user in block], valid.num_items)[0]).numpy()
            rated = valid.rows(block)
            predictions = valid.scale.clip(outputs[rated.row_of_rating, rated.indices])
            total += float(np.square(predictions - rated.values, dtype=np.float64).sum())
        return math.sqrt(total / len(valid))

    return measure
