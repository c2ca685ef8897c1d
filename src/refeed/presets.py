"""Ready settings by name: ours and the paper's; and where a model of each kind starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refeed.config import nearest, to_toml
from refeed.errors import ConfigError
from refeed.models import MODELS, AutoEncoder, AutoRec, Ensemble, Spec
from refeed.models.ensemble.members import Member
from refeed.optim.options import TrainingOptions

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
    """A model and its training options under a name.

    Attributes:
        model: the model's description.
        training: the training options, where the model takes any.
        about: one line about it.

    Examples:
        >>> from refeed import preset
        >>> preset("paper-3-months").training.optimizer
        'sgd'
    """

    model: Spec
    training: TrainingOptions
    about: str


NETWORK_TRAINING = TrainingOptions(
    epochs=60,
    batch_size=128,
    optimizer="adam",
    learning_rate=0.001,
    decay_biases=False,
    schedule="cosine",
    patience=10,
)
"""Of our own presets; the L2 penalty is what has to be chosen for each kind of network."""

NETWORK = "decay_biases=false epochs=60 schedule=cosine"
USER_SIDE = f"autoencoder encoder=512 dropout=0.7 offsets=bias {NETWORK} patience=8"
ITEM_SIDE = f"autorec side=item {NETWORK} patience=10"

DEFAULT = Ensemble(
    members=(
        *(Member(f"{USER_SIDE} weight_decay={penalty}") for penalty in (0.003, 0.01)),
        *(Member(f"{ITEM_SIDE} weight_decay={penalty}") for penalty in (0.0004, 0.0016)),
        Member("svd++"),
        Member("bayesian samples=100 thinning=2 session_minutes=10|none"),
    )
)

BEST = Ensemble(
    members=(
        *(Member(f"{USER_SIDE} weight_decay={penalty}") for penalty in (0.001, 0.003, 0.01, 0.03)),
        Member(f"{USER_SIDE} side=item weight_decay=0.003|0.01|0.03"),
        *(Member(f"{ITEM_SIDE} weight_decay={penalty}") for penalty in (0.0002, 0.0004, 0.0008, 0.0016, 0.0064)),
        Member("svd++ regularisation=15|30"),
        Member("als factors=20|50"),
        Member("pmf"),
        Member("bayesian factors=16|32|48 samples=100 thinning=2"),
        Member("bayesian samples=150 thinning=3 session_minutes=10|none"),
    )
)


def _paper(*encoder: int, dropout: float, data: str) -> Preset:
    """The original program's settings: SELU on every layer, the last one too, dropout on the code layer only."""
    model = AutoEncoder(encoder=encoder, activation="selu", activation_on_last_layer=True, dropout=dropout)
    return Preset(model, PAPER_TRAINING, f"Kuchaiev & Ginsburg (2017), their final model for {data}")


PRESETS: dict[str, Preset] = {
    "default": Preset(
        DEFAULT,
        TrainingOptions(),
        "autoencoders of users and items, SVD++ and a Bayesian factorisation, blended; 5 minutes with a million ratings",
    ),
    "best": Preset(BEST, TrainingOptions(), "more of them, each tried in more settings; several times as long"),
    "paper-full": _paper(512, 512, 1024, dropout=0.8, data="the whole Netflix set"),
    "paper-1-year": _paper(256, 256, 512, dropout=0.8, data="1 year of Netflix"),
    "paper-6-months": _paper(256, 256, 512, dropout=0.8, data="6 months of Netflix"),
    "paper-3-months": _paper(128, 256, 256, dropout=0.65, data="3 months of Netflix"),
    "autoencoder": Preset(
        model=AutoEncoder(encoder=(512,), activation="selu", dropout=0.7, offsets="bias"),
        training=replace(NETWORK_TRAINING, weight_decay=3e-3, patience=8),
        about="a single user-side autoencoder, for many millions of ratings: biases subtracted, L2 in the loss",
    ),
}

AUTOREC = Preset(AutoRec(), replace(NETWORK_TRAINING, weight_decay=4e-4), "AutoRec with L2 inside the loss")


def start_of(kind: str) -> Preset:
    """Where a model of this kind starts from, unless a preset says otherwise."""
    of_kind = {AutoEncoder.kind: PRESETS["autoencoder"], AutoRec.kind: AUTOREC}
    return of_kind.get(kind) or Preset(MODELS[kind](), TrainingOptions(), "its own defaults")


def preset(name: str) -> Preset:
    """The preset of that name; `refeed presets` lists them.

    Args:
        name: such as "default", "best", "autoencoder" or "paper-full".

    Raises:
        ConfigError: there is no such preset.

    Examples:
        >>> from refeed import preset
        >>> preset("paper-full").model.encoder
        (512, 512, 1024)
    """
    if name not in PRESETS:
        raise ConfigError(f"preset: no '{name}'{nearest(name, PRESETS).replace('known keys', 'the presets')}")
    return PRESETS[name]


def settings_toml(spec: Spec, training: TrainingOptions) -> str:
    """A model, its kind among its options, and how it is trained where it takes training options, as a file for `--config`."""
    sections: dict[str, Any] = {"model": spec}
    if spec.uses_training_options:
        sections["training"] = training
    return to_toml(sections).replace("[model]\n", f'[model]\nkind = "{spec.kind}"\n', 1)
