"""Figure 3 of the paper: a wider shallow net overfits."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Line, line
from refeed.reproduce.ablations.published import WIDTH
from refeed.reproduce.scales import Scale, beside_paper


def _lines(scale: Scale, seeds: Sequence[int]) -> list[Line]:
    training = scale.training()
    lines = []
    for tied in (False, True):
        for paper, published in WIDTH.items():
            width = scale.width(paper)
            spec = AutoEncoder(encoder=(width,), activation="selu", activation_on_last_layer=True, tied=tied)
            label = f"width {beside_paper(width, paper)}"
            if tied:
                lines.append(line("width", f"{label}, tied", spec, training, seeds, x=width, control_of=label))
            else:
                lines.append(line("width", label, spec, training, seeds, x=width, published=published))
    return lines


EXPERIMENT = Experiment(
    name="width",
    title="Over-fitting of wide shallow nets",
    question="Does a wider hidden layer help a net that has only one?",
    finding="Training RMSE falls with the width and evaluation RMSE rises: a wide shallow net learns its users by heart.",
    protocol="One hidden layer of SELU without dropout; the same training for all widths.",
    controls="Tied weights (the decoder uses the encoder's, transposed), which halve the number of weights.",
    measures=("final_valid", "final_train", "best_valid"),
    curves=("train_rmse", "valid_rmse"),
    grid=_lines,
    x_label="width of the hidden layer",
)
