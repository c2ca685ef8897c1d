"""Figure 2 of the paper: which activation trains."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Line, line
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
BOUNDED = ("tanh", "sigmoid")  # cannot give a rating of 5: the original program leaves their last layer linear
CONTROLS = ("relu", "relu6")


def _lines(scale: Scale, seeds: Sequence[int]) -> list[Line]:
    encoder, training = scale.widths(128, 128), scale.training()
    lines = []
    for activation, name in NAMES.items():
        spec = AutoEncoder(encoder=encoder, activation=activation, activation_on_last_layer=activation not in BOUNDED)
        lines.append(line("activations", name, spec, training, seeds, published=ACTIVATIONS[activation]))
    for activation in CONTROLS:
        label, spec = f"{NAMES[activation]}, linear last layer", AutoEncoder(encoder=encoder, activation=activation)
        lines.append(line("activations", label, spec, training, seeds, control_of=NAMES[activation]))
    return lines


EXPERIMENT = Experiment(
    name="activations",
    title="Effect of the activation",
    question="Which activations can train a deep autoencoder on ratings?",
    finding="Those with a negative part that is not zero: ELU, SELU and leaky ReLU train far better than the others.",
    protocol="Four layers of the same width without dropout, the same training for all. The activation is on the last layer "
    "too, but for sigmoid and tanh, which cannot reach a rating of 5; so the original program does it.",
    controls="ReLU and ReLU6 with a linear last layer: how much of their failure is that of the last layer.",
    measures=("final_train", "best_valid"),
    curves=("train_rmse",),
    grid=_lines,
)
