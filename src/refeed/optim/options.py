"""How a model is trained by gradient: everything but the model and the machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from refeed.config import conform
from refeed.errors import ConfigError

OptimizerName = Literal["sgd", "adam", "adamw", "adagrad", "rmsprop"]
ScheduleName = Literal["constant", "multistep", "one_cycle", "cosine"]
PrecisionName = Literal["float32", "bfloat16"]
RefeedLabel = Literal["output", "ratings", "joint"]


@dataclass(frozen=True)
class TrainingOptions:
    """Options of gradient training.

    Attributes:
        epochs: passes over all training ratings, at least 1.
        batch_size: rows (users or items) in a batch, at least 1; the last batch of an epoch may be smaller.
        steps_per_batch: supervised optimiser steps on each batch, at least 1; those after the first come after its re-feeding.
        pretrain_epochs: passes over all training ratings to pre-train each encoder layer with its mirror in the decoder, as
            the first steps of the first epoch; 0 switches it off. See `pretraining.Pretraining`.
        optimizer: sgd (with momentum), adam, adamw, adagrad or rmsprop.
        learning_rate: above 0; the peak of a schedule.
        momentum: of sgd and rmsprop, 0 to below 1.
        weight_decay: L2 penalty, at least 0; its gradient weight_decay * w joins the loss's (adamw: decoupled).
        decay_biases: whether biases are penalised too (the original does).
        schedule: constant, multistep, one_cycle (Smith 2018: up over 30%, then down, cosine) or cosine (down to 0).
        milestones: for multistep: epochs after which the rate is multiplied by `decay_factor`.
        decay_factor: above 0, at most 1.
        refeed_steps: dense re-feeding passes after each batch, 0 switches it off; section 2.3 of the paper.
        refeed_label: what the re-fed output is held against: "output" (itself, as the original's code: a further optimiser
            step on f(x) -> f(x)), "ratings" (a further step on f(x) -> ratings, as its author says elsewhere), or "joint"
            (one optimiser step on the sum of both losses).
        refeed_every: re-feed every so many batches, at least 1.
        refeed_warm_up: epochs without re-feeding at the start, at least 0.
        refeed_noise: probability of dropping a value of the re-fed output, 0 to below 1.
        precision: what the products between hidden layers, and those of re-feeding's Gram matrices, are taken in: "float32", or
            "bfloat16" with float32 weights and updates (about twice as quick on processors that have it).
        gradient_clip: largest norm of the gradient of all weights together; none leaves it as it is.
        patience: epochs without a better validation RMSE after which training stops; none trains all epochs.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> from refeed import TrainingOptions
        >>> options = TrainingOptions(epochs=100, optimizer="sgd", learning_rate=0.005, refeed_steps=1)  # dense re-feeding
        >>> options.momentum
        0.9
    """

    epochs: int = 50
    batch_size: int = 128
    steps_per_batch: int = 1
    pretrain_epochs: int = 0
    optimizer: OptimizerName = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 0.0
    decay_biases: bool = True
    schedule: ScheduleName = "constant"
    milestones: tuple[int, ...] = ()
    decay_factor: float = 0.5
    refeed_steps: int = 0
    refeed_label: RefeedLabel = "output"
    refeed_every: int = 1
    refeed_warm_up: int = 0
    refeed_noise: float = 0.0
    precision: PrecisionName = "float32"
    gradient_clip: float | None = None
    patience: int | None = None

    def __post_init__(self) -> None:
        conform(self)
        for name in ("epochs", "batch_size", "steps_per_batch", "refeed_every"):
            _require(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        for name in ("momentum", "refeed_noise"):
            _require(name, getattr(self, name), 0 <= getattr(self, name) < 1, "0 to below 1")
        for name in ("weight_decay", "pretrain_epochs", "refeed_steps", "refeed_warm_up"):
            _require(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, "at least 0")
        for name in ("gradient_clip", "patience"):
            _require(name, getattr(self, name), getattr(self, name) is None or getattr(self, name) > 0, "above 0, or none")
        _require("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "above 0")
        _require("decay_factor", self.decay_factor, 0 < self.decay_factor <= 1, "above 0, at most 1")
        rising = list(self.milestones) == sorted(set(self.milestones)) and min(self.milestones, default=1) >= 1
        _require("milestones", list(self.milestones), rising, "rising epochs from 1")
        _require("milestones", list(self.milestones), bool(self.milestones) or self.schedule != "multistep", "at least one")


def _require(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name}: expected {expected}, got {value}")
