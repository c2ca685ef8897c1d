"""Table 2 of the paper: depth helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Line, line
from refeed.reproduce.ablations.published import DEPTH
from refeed.reproduce.scales import Scale

PAPER_WIDTH = 128
SHALLOW = (2, 4)  # layers
WEIGHT_DECAYS = (0.001, 0.003, 0.01)


def _lines(scale: Scale, seeds: Sequence[int]) -> list[Line]:
    training = scale.training()
    lines = [
        line("depth", f"{layers} layers", _net(scale, layers), training, seeds, x=layers, published=published)
        for layers, published in DEPTH.items()
    ]
    for layers in SHALLOW:
        for decay in WEIGHT_DECAYS:
            label, tuned = f"{layers} layers, L2 {decay:g}", replace(training, weight_decay=decay, decay_biases=False)
            lines.append(line("depth", label, _net(scale, layers), tuned, seeds, x=layers, control_of=f"{layers} layers"))
    return lines


def _net(scale: Scale, layers: int) -> AutoEncoder:
    """So many layers of weights, half of them the encoder's."""
    encoder = (scale.width(PAPER_WIDTH),) * (layers // 2)
    return AutoEncoder(encoder=encoder, activation="selu", activation_on_last_layer=True)


EXPERIMENT = Experiment(
    name="depth",
    title="Going deeper",
    question="Do more layers of the same width help?",
    finding="Evaluation RMSE falls with every two layers, most from two to four.",
    protocol="Layers of one width, SELU, no dropout; the same training for all depths. The deepest has hardly more weights.",
    controls="Shallow nets with an L2 penalty on their weights: whether depth does more than what regularisation does. Their "
    "best penalty is chosen on the same ratings that the table shows, in favour of the control.",
    measures=("final_valid", "best_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_lines,
    x_label="layers",
)
