"""Figure 2 of the paper: which activation trains."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Setting, setting
from refeed.reproduce.ablations.published import ACTIVATIONS
from refeed.reproduce.scales import Scale

NAMES = {
    "selu": "SELU",
    "elu": "ELU",
    "leaky_relu": "leaky ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "ReLU",
    "relu6": "ReLU6",
}
BOUNDED = ("tanh", "sigmoid")  # cannot reach a rating of 5, so the original program keeps their last layer linear
CONTROLS = ("relu", "relu6")


def _grid(scale: Scale, seeds: Sequence[int]) -> list[Setting]:
    encoder, training = scale.widths(128, 128), scale.training()
    settings = []
    for activation, name in NAMES.items():
        spec = AutoEncoder(encoder=encoder, activation=activation, activation_on_last_layer=activation not in BOUNDED)
        settings.append(setting("activations", name, spec, training, seeds, published=ACTIVATIONS[activation]))
    for activation in CONTROLS:
        label, spec = f"{NAMES[activation]}, linear last layer", AutoEncoder(encoder=encoder, activation=activation)
        settings.append(setting("activations", label, spec, training, seeds, control_of=NAMES[activation]))
    return settings


EXPERIMENT = Experiment(
    name="activations",
    title="Effect of the activation",
    question="Which activations can train a deep autoencoder on ratings?",
    finding="Those with a non-zero negative part: ELU, SELU and leaky ReLU train far better than the others.",
    protocol="Four layers of the same width without dropout, with the same training options. As in the original program, the "
    "last layer has the activation too, except with sigmoid and tanh, which cannot reach a rating of 5.",
    controls="ReLU and ReLU6 with a linear last layer: how much of their error is due to the last layer.",
    measures=("final_train", "best_valid"),
    curves=("train_rmse",),
    grid=_grid,
)
