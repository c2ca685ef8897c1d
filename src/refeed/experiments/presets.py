"""Ready settings by name: the paper's, and our default."""

from __future__ import annotations

from dataclasses import dataclass

from refeed.config import nearest
from refeed.errors import ConfigError
from refeed.models import AutoEncoder, AutoRec
from refeed.training.options import TrainingOptions

PAPER_TRAINING = TrainingOptions(
    epochs=100,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.005,
    momentum=0.9,
    schedule="multistep",
    milestones=(23, 35, 47, 65, 71),  # from its 24th, 36th, … epoch on: the program steps its schedule before each epoch
    decay_factor=0.5,
    refeed_steps=1,
    refeed_label="output",
)


@dataclass(frozen=True)
class Preset:
    """A model and how to train it.

    Attributes:
        model: the model's description.
        training: the training options.
        about: one line for people.
    """

    model: AutoEncoder
    training: TrainingOptions
    about: str


def _paper(*encoder: int, dropout: float, data: str) -> Preset:
    """The original program's settings: SELU on every layer, the last one too, dropout on the code layer only."""
    model = AutoEncoder(encoder=encoder, activation="selu", activation_on_last_layer=True, dropout=dropout)
    return Preset(model, PAPER_TRAINING, f"Kuchaiev & Ginsburg (2017), their final model for {data}")


PRESETS: dict[str, Preset] = {
    "paper-full": _paper(512, 512, 1024, dropout=0.8, data="the whole Netflix set"),
    "paper-1-year": _paper(256, 256, 512, dropout=0.8, data="1 year of Netflix"),
    "paper-6-months": _paper(256, 256, 512, dropout=0.8, data="6 months of Netflix"),
    "paper-3-months": _paper(128, 256, 256, dropout=0.65, data="3 months of Netflix"),
    "default": Preset(
        model=AutoEncoder(encoder=(512,), activation="selu", dropout=0.7, offsets="bias"),
        training=TrainingOptions(
            epochs=60,
            batch_size=128,
            optimizer="adam",
            learning_rate=0.001,
            weight_decay=3e-3,
            decay_biases=False,
            schedule="cosine",
            patience=8,
        ),
        about="a good start for ratings of any size: biases taken off, L2 inside the loss, best validation epoch kept",
    ),
}

TRAINING_OF_KIND: dict[str, TrainingOptions] = {
    AutoRec.kind: TrainingOptions(
        epochs=60,
        batch_size=128,
        optimizer="adam",
        learning_rate=0.001,
        weight_decay=4e-4,
        decay_biases=False,
        schedule="cosine",
        patience=10,
    )
}
"""How models other than the presets' are trained unless said, for those that take training options."""


def preset(name: str) -> Preset:
    """The settings of that name.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f"preset: no '{name}'{nearest(name, PRESETS).replace('known keys', 'the presets')}")
    return PRESETS[name]
