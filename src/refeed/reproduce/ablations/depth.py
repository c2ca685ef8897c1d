"""Table 2 of the paper: depth helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Setting, setting
from refeed.reproduce.ablations.published import DEPTH
from refeed.reproduce.scales import Scale

PAPER_WIDTH = 128
SHALLOW = (2, 4)  # layers
WEIGHT_DECAYS = (0.001, 0.003, 0.01)


def _grid(scale: Scale, seeds: Sequence[int]) -> list[Setting]:
    training = scale.training()
    settings = [
        setting("depth", f"{layers} layers", _net(scale, layers), training, seeds, x=layers, published=published)
        for layers, published in DEPTH.items()
    ]
    for layers in SHALLOW:
        for decay in WEIGHT_DECAYS:
            label, tuned = f"{layers} layers, L2 {decay:g}", replace(training, weight_decay=decay, decay_biases=False)
            settings.append(setting("depth", label, _net(scale, layers), tuned, seeds, x=layers, control_of=f"{layers} layers"))
    return settings


def _net(scale: Scale, layers: int) -> AutoEncoder:
    """A network of this number of weight layers, half of them the encoder's."""
    encoder = (scale.width(PAPER_WIDTH),) * (layers // 2)
    return AutoEncoder(encoder=encoder, activation="selu", activation_on_last_layer=True)


EXPERIMENT = Experiment(
    name="depth",
    title="Going deeper",
    question="Do more layers of the same width help?",
    finding="Validation RMSE falls with every two layers, most from two to four.",
    protocol="Layers of one width, SELU, no dropout; the same training options for all depths. The deepest network has hardly "
    "more parameters than the shallowest.",
    controls="Shallow networks with an L2 penalty on their weights: whether depth does more than regularisation. The best "
    "penalty is chosen on the ratings that the table reports, which favours the control.",
    measures=("final_valid", "best_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_grid,
)
