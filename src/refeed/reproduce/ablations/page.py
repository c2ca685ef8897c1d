"""An experiment of the paper as a section of the report: findings, curves, our numbers beside the paper's, the table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np

from refeed.reports.figures import line_chart, side_by_side_chart
from refeed.reports.illustration import IllustratedSection, Illustration
from refeed.reports.page import Block, Cell, Findings, Section, Table
from refeed.reproduce.ablations.findings import findings
from refeed.reproduce.ablations.grid import Curve, ExperimentResult, LineResult, Measure, Published

CURVE_NAMES: dict[Curve, str] = {"train_rmse": "training RMSE", "valid_rmse": "validation RMSE"}
MEASURE_NAMES: dict[Measure, str] = {
    "final_train": "training RMSE, last epoch",
    "final_valid": "validation RMSE, last epoch",
    "best_valid": "validation RMSE, best epoch",
}
SETTLED = 0.15  # share of the epochs after which a curve decides about the part of the axis that is shown
PAPER = "the paper (Netflix)"


def ablation_part(result: ExperimentResult) -> IllustratedSection:
    """The section of an experiment and its figures."""
    experiment = result.experiment
    illustrations = [*_curves(result), *_beside_the_paper(result)]
    text = f"{experiment.question}\n\nThe paper: {experiment.finding}\n\n{experiment.protocol}"
    if experiment.controls:
        text += f"\n\nControls, which the paper lacks: {experiment.controls}"
    blocks: list[Block] = [
        Findings([(one.verdict, one.text) for one in findings(result)]),
        *(one.block() for one in illustrations),
        experiment_table(result),
    ]
    return IllustratedSection(Section(experiment.title, text, blocks), illustrations)


def experiment_table(result: ExperimentResult) -> Table:
    """A row a setting: mean and spread over the seeds, beside the paper's numbers."""
    measures = result.experiment.measures
    with_paper = [measure for measure in measures if any(measure in one.line.published for one in result.lines)]
    columns = ["setting"]
    for measure in measures:
        columns += [MEASURE_NAMES[measure], PAPER] if measure in with_paper else [MEASURE_NAMES[measure]]
    rows = [[*_row(one, measures, with_paper), *_cost(one)] for one in result.lines]
    seeds = len(result.lines[0].outcomes)
    spread = f"mean ± standard deviation of {seeds} seeds" if seeds > 1 else "one seed"
    caption = f"{result.experiment.title}: {spread}; ~ was read off the paper's figure; † is a control that the paper lacks"
    return Table([*columns, "weights", "seconds"], rows, caption=caption, align="l" + "r" * (len(columns) + 1))


def _row(one: LineResult, measures: Sequence[Measure], with_paper: Sequence[Measure]) -> list[Cell]:
    cells: list[Cell] = [f"{one.line.label} †" if one.line.is_control else one.line.label]
    for measure in measures:
        cells.append(_mean_and_spread(one, measure))
        if measure in with_paper:
            cells.append(_published(one.line.published.get(measure)))
    return cells


def _cost(one: LineResult) -> list[Cell]:
    weights = max(outcome.parameters for outcome in one.outcomes)
    return [weights or None, f"{fmean(outcome.seconds for outcome in one.outcomes):,.0f}"]


def _mean_and_spread(one: LineResult, measure: Measure) -> str:
    values = one.values(measure)
    if not values:
        return "diverged"
    lost = len(one.outcomes) - len(values)
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):.4f}{spread}" + (f" ({lost} diverged)" if lost else "")


def _published(number: Published | None) -> str | None:
    return None if number is None else f"~{number.value:g}" if number.read_off else f"{number.value:.4f}"


def _curves(result: ExperimentResult) -> list[Illustration]:
    """The curves of the paper's settings, and of the controls beside what they are compared with."""
    papers = [one for one in result.lines if not one.line.is_control]
    compared = {one.line.control_of for one in result.lines}
    with_controls = [one for one in result.lines if one.line.is_control or one.line.label in compared]
    found = []
    for curve in result.experiment.curves:
        sets = [("", papers), *([("-controls", with_controls)] if any(compared - {None}) else [])]
        for ending, lines in sets:
            name = f"{result.experiment.name}-{curve.partition('_')[0]}{ending}"
            if (illustration := _curve(result, curve, lines, name, is_control=bool(ending))) is not None:
                found.append(illustration)
    return found


def _curve(
    result: ExperimentResult, curve: Curve, lines: Sequence[LineResult], name: str, *, is_control: bool
) -> Illustration | None:
    series, bands, settled = {}, {}, []
    for one in lines:
        runs = _per_epoch(one, curve)
        if runs is None:
            continue
        epochs = np.arange(1, runs.shape[1] + 1)
        series[one.line.label] = (epochs, runs.mean(axis=0))
        bands[one.line.label] = (runs.min(axis=0), runs.max(axis=0))
        settled.append(runs[:, int(SETTLED * runs.shape[1]) :])
    if not series:
        return None
    low, high = min(map(np.min, settled)), max(map(np.max, settled))
    margin = 0.06 * max(high - low, 1e-3)
    drawing = line_chart(
        series,
        x_label="epoch",
        y_label=CURVE_NAMES[curve],
        bands=bands,
        variants={one.line.label: one.line.control_of for one in lines if one.line.control_of is not None},
        y_limits=(low - margin, high + margin),
    )
    what = "controls and what they are compared with" if is_control else "the settings of the paper"
    caption = f"{_sentence(CURVE_NAMES[curve])} by epoch, {what}; line: mean over the seeds, shade: their range"
    ends = "; ".join(f"{label} ends at {values[-1]:.4f}" for label, (_, values) in series.items())
    return Illustration(name, drawing, caption, f"{result.experiment.title}, {CURVE_NAMES[curve]} by epoch: {ends}")


def _per_epoch(one: LineResult, curve: Curve) -> np.ndarray | None:
    """The number of every epoch, float64 (seeds, epochs that all of them have); None where all diverged or it is not known."""
    logs = [outcome.log for outcome in one.outcomes if outcome.status == "finished" and outcome.log]
    epochs = min(map(len, logs), default=0)
    if epochs == 0 or any(record[curve] is None for log in logs for record in log):
        return None
    return np.array([[record[curve] for record in log[:epochs]] for log in logs], np.float64)


def _beside_the_paper(result: ExperimentResult) -> list[Illustration]:
    """A figure for each measure that the paper has of more than one setting."""
    measures = result.experiment.measures
    return [_beside(result, measure) for measure in measures if sum(measure in one.line.published for one in result.lines) > 1]


def _beside(result: ExperimentResult, measure: Measure) -> Illustration:
    """Our numbers on the left, the paper's on the right."""
    here, there, told = [], [], []
    for one in result.lines:
        values, number = one.values(measure), one.line.published.get(measure)
        here.append((min(values), fmean(values), max(values)) if values else None)
        there.append(None if number is None else number.value)
        told.append(f"{one.line.label}: {_mean_and_spread(one, measure)} here, {_published(number) or 'none'} in the paper")
    name = MEASURE_NAMES[measure]
    drawing = side_by_side_chart(
        [one.line.label for one in result.lines],
        here,
        there,
        here_label="here",
        there_label=PAPER,
        title=name,
        faint=[one.line.is_control for one in result.lines],
    )
    caption = f"{_sentence(name)}: on the left here, with the range over the seeds; on the right the paper's, on Netflix"
    if any(one.line.is_control for one in result.lines):
        caption += "; hollow dots are controls"
    return Illustration(f"{result.experiment.name}-paper-{measure.replace('_', '-')}", drawing, caption, "; ".join(told))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
