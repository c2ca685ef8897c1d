"""Figure 5 of the paper: dense re-feeding, and its controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from refeed.reproduce.ablations.dropout import deep_network
from refeed.reproduce.ablations.grid import Experiment, Setting, setting
from refeed.reproduce.ablations.published import REFEEDING
from refeed.reproduce.scales import Scale, beside_paper

DROPOUT = 0.8
LOW, HIGH = 0.001, 0.005  # the paper's learning rates


def _grid(scale: Scale, seeds: Sequence[int]) -> list[Setting]:
    spec = deep_network(scale, dropout=DROPOUT)
    settings = []
    for (rate, is_refed), published in REFEEDING.items():
        training = scale.training(learning_rate=rate, refeed_steps=int(is_refed))
        label = f"{_rate(scale, rate)}, {'re-feeding' if is_refed else 'without'}"
        settings.append(setting("refeeding", label, spec, training, seeds, published=published))
    for rate in (LOW, HIGH):
        label = f"{_rate(scale, rate)}, two steps per batch"
        twice = replace(scale.training(learning_rate=rate), steps_per_batch=2)
        settings.append(setting("refeeding", label, spec, twice, seeds, control_of=f"{_rate(scale, rate)}, re-feeding"))
    refed = f"{_rate(scale, HIGH)}, re-feeding"
    refeeding = scale.training(learning_rate=HIGH, refeed_steps=1)
    ratings, joint = replace(refeeding, refeed_label="ratings"), replace(refeeding, refeed_label="joint")
    settings.append(setting("refeeding", f"{refed} to the ratings", spec, ratings, seeds, control_of=refed))
    settings.append(setting("refeeding", f"{refed}, joint loss", spec, joint, seeds, control_of=refed))
    return settings


def _rate(scale: Scale, paper: float) -> str:
    ours = scale.training(learning_rate=paper).learning_rate
    return f"rate {beside_paper(ours, paper)}"


EXPERIMENT = Experiment(
    name="refeeding",
    title="Dense re-feeding",
    question="Does it help to feed the network's output back as a further example, and to train it to reproduce that output?",
    finding="Hardly at the learning rate of the other experiments; but it allows a rate five times higher, the best of all.",
    protocol="The network of the dropout experiment with dropout 0.8, with and without one re-feeding step after each batch, "
    "at two learning rates.",
    controls="Two ordinary optimiser steps on each batch, since re-feeding doubles the number of steps; and two other readings "
    "of re-feeding: the re-fed output is compared with the ratings, or both losses are minimised in one joint step.",
    measures=("best_valid", "final_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_grid,
)
