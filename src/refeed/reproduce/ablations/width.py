"""Figure 3 of the paper: a wider shallow network overfits."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Setting, setting
from refeed.reproduce.ablations.published import WIDTH
from refeed.reproduce.scales import Scale, beside_paper


def _grid(scale: Scale, seeds: Sequence[int]) -> list[Setting]:
    training = scale.training()
    settings = []
    for tied in (False, True):
        for paper, published in WIDTH.items():
            width = scale.width(paper)
            spec = AutoEncoder(encoder=(width,), activation="selu", activation_on_last_layer=True, tied=tied)
            label = f"width {beside_paper(width, paper)}"
            if tied:
                settings.append(setting("width", f"{label}, tied", spec, training, seeds, x=width, control_of=label))
            else:
                settings.append(setting("width", label, spec, training, seeds, x=width, published=published))
    return settings


EXPERIMENT = Experiment(
    name="width",
    title="Overfitting of wide shallow networks",
    question="Does a wider hidden layer help a network with a single one?",
    finding="Training RMSE falls with the width and validation RMSE rises: a wide shallow network memorises its users.",
    protocol="One hidden layer of SELU without dropout; the same training options for all widths.",
    controls="Tied weights (the decoder uses the encoder's, transposed), which halve the number of parameters.",
    measures=("final_valid", "final_train", "best_valid"),
    curves=("train_rmse", "valid_rmse"),
    grid=_grid,
)
