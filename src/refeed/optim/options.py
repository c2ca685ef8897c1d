"""The options of gradient training: everything but the model and the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from refeed.config import Bound, Config, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Probability
from refeed.errors import ConfigError

OptimizerName = Literal["sgd", "adam", "adamw", "adagrad", "rmsprop"]
ScheduleName = Literal["constant", "multistep", "one_cycle", "cosine"]
PrecisionName = Literal["float32", "bfloat16"]
RefeedLabel = Literal["output", "ratings", "joint"]
DecayFactor = Annotated[float, Bound("above 0, at most 1", lambda value: 0 < value <= 1)]


@dataclass(frozen=True)
class TrainingOptions(Config):
    """Options of gradient training.

    Attributes:
        epochs: passes over all training ratings, at least 1.
        batch_size: rows (users or items) in a batch, at least 1; the last batch of an epoch may be smaller.
        steps_per_batch: supervised optimiser steps on each batch, at least 1; those after the first come after its re-feeding.
        pretrain_epochs: passes over all training ratings to pre-train each encoder layer with its mirror in the decoder, as
            the first steps of the first epoch; 0 switches it off.
        optimizer: sgd (with momentum), adam, adamw, adagrad or rmsprop.
        learning_rate: above 0; the peak of a schedule.
        momentum: of sgd and rmsprop, 0 to below 1.
        weight_decay: L2 penalty, at least 0: weight_decay * w is added to the gradient of the loss (adamw: decoupled).
        decay_biases: apply weight decay to biases too (as the original does).
        schedule: constant, multistep, one_cycle (Smith 2018: up over 30%, then down, cosine) or cosine (down to 0).
        milestones: for multistep: epochs after which the rate is multiplied by `decay_factor`.
        decay_factor: above 0, at most 1.
        refeed_steps: dense re-feeding passes after each batch, 0 switches it off; section 2.3 of the paper.
        refeed_label: target of the re-fed output: "output" (itself, as in the original's code: a further optimiser step on
            f(x) -> f(x)), "ratings" (a further step on f(x) -> ratings, as its author says elsewhere), or "joint" (one
            optimiser step on the sum of both losses).
        refeed_every: re-feed every so many batches, at least 1.
        refeed_warm_up: epochs without re-feeding at the start, at least 0.
        refeed_noise: probability of dropping a value of the re-fed output, 0 to below 1.
        precision: of the products between hidden layers, and of those of re-feeding's Gram matrices: "float32", or "bfloat16"
            with float32 weights and updates (about twice as fast on processors that support it).
        gradient_clip: largest norm of the gradient of all weights together; none does not clip.
        patience: epochs without a lower validation RMSE after which training stops; none trains all epochs.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> from refeed import TrainingOptions
        >>> options = TrainingOptions(epochs=100, optimizer="sgd", learning_rate=0.005, refeed_steps=1)  # dense re-feeding
        >>> options.momentum
        0.9
    """

    epochs: PositiveInt = 50
    batch_size: PositiveInt = 128
    steps_per_batch: PositiveInt = 1
    pretrain_epochs: NonNegativeInt = 0
    optimizer: OptimizerName = "adam"
    learning_rate: PositiveFloat = 0.001
    momentum: Probability = 0.9
    weight_decay: NonNegativeFloat = 0.0
    decay_biases: bool = True
    schedule: ScheduleName = "constant"
    milestones: tuple[PositiveInt, ...] = ()
    decay_factor: DecayFactor = 0.5
    refeed_steps: NonNegativeInt = 0
    refeed_label: RefeedLabel = "output"
    refeed_every: PositiveInt = 1
    refeed_warm_up: NonNegativeInt = 0
    refeed_noise: Probability = 0.0
    precision: PrecisionName = "float32"
    gradient_clip: PositiveFloat | None = None
    patience: PositiveInt | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ConfigError(f"milestones: expected rising epochs from 1, got {list(self.milestones)}")
        if self.schedule == "multistep" and not self.milestones:
            raise ConfigError("milestones: expected at least one for the schedule 'multistep', got none")
