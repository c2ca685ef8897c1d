"""Figure 4 of the paper: a large code layer needs dropout."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Setting, setting
from refeed.reproduce.ablations.published import DROPOUT
from refeed.reproduce.scales import Scale

PAPER_ENCODER = (512, 512, 1024)


def deep_network(scale: Scale, *, dropout: float) -> AutoEncoder:
    """The paper's network n, 512, 512, 1024, dropout, 512, 512, n at a scale."""
    return AutoEncoder(encoder=scale.widths(*PAPER_ENCODER), activation="selu", activation_on_last_layer=True, dropout=dropout)


def _grid(scale: Scale, seeds: Sequence[int]) -> list[Setting]:
    training = scale.training()
    return [
        setting("dropout", _label(share), deep_network(scale, dropout=share), training, seeds, x=share, published=published)
        for share, published in DROPOUT.items()
    ]


def _label(share: float) -> str:
    return f"dropout {share:g}" if share else "no dropout"


EXPERIMENT = Experiment(
    name="dropout",
    title="Dropout on the code layer",
    question="How much dropout does a deep network with a large code layer need?",
    finding="Much: without it the network overfits after a few epochs; 0.8 is best, closely followed by 0.65.",
    protocol="The paper's network n, 512, 512, 1024, 512, 512, n at the widths of the budget; dropout on its code layer only.",
    controls="",
    measures=("best_valid", "final_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_grid,
)
