"""Figure 5 of the paper: dense re-feeding, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from refeed.reproduce.ablations.dropout import deep_net
from refeed.reproduce.ablations.grid import Experiment, Line, line
from refeed.reproduce.ablations.published import REFEEDING
from refeed.reproduce.scales import Scale, beside_paper

DROPOUT = 0.8
LOW, HIGH = 0.001, 0.005  # the paper's learning rates


def _lines(scale: Scale, seeds: Sequence[int]) -> list[Line]:
    spec = deep_net(scale, dropout=DROPOUT)
    lines = []
    for (rate, is_refed), published in REFEEDING.items():
        training = scale.training(learning_rate=rate, refeed_steps=int(is_refed))
        label = f"{_rate(scale, rate)}, {'re-feeding' if is_refed else 'without'}"
        lines.append(line("refeeding", label, spec, training, seeds, published=published))
    for rate in (LOW, HIGH):
        label, twice = (
            f"{_rate(scale, rate)}, two steps a batch",
            replace(scale.training(learning_rate=rate), steps_per_batch=2),
        )
        lines.append(line("refeeding", label, spec, twice, seeds, control_of=f"{_rate(scale, rate)}, re-feeding"))
    refed = f"{_rate(scale, HIGH)}, re-feeding"
    held = scale.training(learning_rate=HIGH, refeed_steps=1)
    ratings, joint = replace(held, refeed_label="ratings"), replace(held, refeed_label="joint")
    lines.append(line("refeeding", f"{refed}, held against the ratings", spec, ratings, seeds, control_of=refed))
    lines.append(line("refeeding", f"{refed}, both losses in one step", spec, joint, seeds, control_of=refed))
    return lines


def _rate(scale: Scale, paper: float) -> str:
    ours = scale.training(learning_rate=paper).learning_rate
    return f"rate {beside_paper(ours, paper)}"


EXPERIMENT = Experiment(
    name="refeeding",
    title="Dense re-feeding",
    question="Does it help to feed the net's own output back as a further example, and to train it to give that output again?",
    finding="Hardly at the learning rate of the other experiments; but it allows a five times higher one, the best of all.",
    protocol="The net of the dropout experiment with dropout 0.8, with and without one re-feeding step after each batch, at "
    "two learning rates.",
    controls="Two ordinary optimiser steps on each batch, since re-feeding doubles the number of steps; and the two other "
    "readings of re-feeding: its output held against the ratings, and both losses in one step.",
    measures=("best_valid", "final_valid", "final_train"),
    curves=("valid_rmse",),
    grid=_lines,
)
