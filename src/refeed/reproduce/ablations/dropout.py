"""Figure 4 of the paper: a large code layer needs dropout."""

from __future__ import annotations

from collections.abc import Sequence

from refeed.models import AutoEncoder
from refeed.reproduce.ablations.grid import Experiment, Line, line
from refeed.reproduce.ablations.published import DROPOUT
from refeed.reproduce.scales import Scale

PAPER_ENCODER = (512, 512, 1024)


def deep_net(scale: Scale, *, dropout: float) -> AutoEncoder:
    """The paper's net n,512,512,1024,dropout,512,512,n at a scale."""
    return AutoEncoder(encoder=scale.widths(*PAPER_ENCODER), activation="selu", activation_on_last_layer=True, dropout=dropout)


def _lines(scale: Scale, seeds: Sequence[int]) -> list[Line]:
    return [
        line("dropout", _label(share), deep_net(scale, dropout=share), scale.training(), seeds, x=share, published=published)
        for share, published in DROPOUT.items()
    ]


def _label(share: float) -> str:
    return f"dropout {share:g}" if share else "no dropout"


EXPERIMENT = Experiment(
    name="dropout",
    title="Dropout on the code layer",
    question="How much dropout does a deep net with a large code layer need?",
    finding="Much: without it the net overfits after a few epochs; 0.8 is best, just before 0.65.",
    protocol="The net n,512,512,1024,512,512,n of the paper, at the widths of the budget; dropout on its code layer only.",
    controls="",
    measures=("best_valid", "final_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_lines,
    x_label="probability of dropping a value of the code layer",
)
