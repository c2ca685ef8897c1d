"""An experiment of the paper as a section of the report: findings, curves, results beside the paper's, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np

from refeed.reports.figures import line_chart, side_by_side_chart
from refeed.reports.illustration import IllustratedSection, Illustration
from refeed.reports.page import Block, Cell, Findings, Section, Table
from refeed.reproduce.ablations.findings import findings
from refeed.reproduce.ablations.grid import Curve, ExperimentResult, Measure, Published, SettingResult

CURVE_NAMES: dict[Curve, str] = {"train_rmse": "training RMSE", "valid_rmse": "validation RMSE"}
MEASURE_NAMES: dict[Measure, str] = {
    "final_train": "training RMSE, last epoch",
    "final_valid": "validation RMSE, last epoch",
    "best_valid": "validation RMSE, best epoch",
}
SETTLED = 0.15  # share of the epochs after which a curve counts for the range of the axis
PAPER = "the paper (Netflix)"


def ablation_section(result: ExperimentResult) -> IllustratedSection:
    """The section of an experiment and its figures."""
    experiment = result.experiment
    illustrations = [*_curves(result), *_beside_the_paper(result)]
    text = f"{experiment.question}\n\nThe paper: {experiment.finding}\n\n{experiment.protocol}"
    if experiment.controls:
        text += f"\n\nControls, which the paper lacks: {experiment.controls}"
    blocks: list[Block] = [
        Findings(findings(result)),
        *(illustration.block() for illustration in illustrations),
        experiment_table(result),
    ]
    return IllustratedSection(Section(experiment.title, text, blocks), illustrations)


def experiment_table(result: ExperimentResult) -> Table:
    """A row per setting: mean and standard deviation over the seeds, beside the paper's results."""
    measures = result.experiment.measures
    published = [measure for measure in measures if any(measure in row.setting.published for row in result.rows)]
    columns = ["setting"]
    for measure in measures:
        columns += [MEASURE_NAMES[measure], PAPER] if measure in published else [MEASURE_NAMES[measure]]
    rows = [[*_cells(row, measures, published), *_cost(row)] for row in result.rows]
    seeds = len(result.rows[0].outcomes)
    spread = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    caption = f"{result.experiment.title}: {spread}; ~ was read off the paper's figure"
    caption += "; † is a control that the paper lacks" if any(row.setting.is_control for row in result.rows) else ""
    return Table([*columns, "parameters", "seconds"], rows, caption=caption, align="l" + "r" * (len(columns) + 1))


def _cells(row: SettingResult, measures: Sequence[Measure], published: Sequence[Measure]) -> list[Cell]:
    cells: list[Cell] = [f"{row.setting.label} †" if row.setting.is_control else row.setting.label]
    for measure in measures:
        cells.append(_mean_and_deviation(row, measure))
        if measure in published:
            cells.append(_published(row.setting.published.get(measure)))
    return cells


def _cost(row: SettingResult) -> list[Cell]:
    parameters = max(outcome.parameters for outcome in row.outcomes)
    return [parameters or None, f"{fmean(outcome.seconds for outcome in row.outcomes):,.0f}"]


def _mean_and_deviation(row: SettingResult, measure: Measure) -> str:
    values = row.values(measure)
    if not values:
        return "diverged"
    diverged = len(row.outcomes) - len(values)
    deviation = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):.4f}{deviation}" + (f" ({diverged} diverged)" if diverged else "")


def _published(number: Published | None) -> str | None:
    if number is None:
        return None
    return f"~{number.value:g}" if number.read_off else f"{number.value:.4f}"


def _curves(result: ExperimentResult) -> list[Illustration]:
    """The curves of the paper's settings, and those of the controls beside what they are compared with."""
    of_the_paper = [row for row in result.rows if not row.setting.is_control]
    bases = {row.setting.control_of for row in result.rows} - {None}
    with_controls = [row for row in result.rows if row.setting.is_control or row.setting.label in bases]
    drawn = []
    for curve in result.experiment.curves:
        name = f"{result.experiment.name}-{curve.partition('_')[0]}"
        drawn.append(_curve(result, curve, of_the_paper, name, "the settings of the paper"))
        if bases:
            drawn.append(_curve(result, curve, with_controls, f"{name}-controls", "controls and what they are compared with"))
    return [illustration for illustration in drawn if illustration is not None]


def _curve(result: ExperimentResult, curve: Curve, rows: Sequence[SettingResult], name: str, what: str) -> Illustration | None:
    """The curves of these settings in one chart; None where all their runs diverged."""
    by_label = {row.setting.label: runs for row in rows if (runs := _per_epoch(row, curve)) is not None}
    if not by_label:
        return None
    epochs = {label: np.arange(1, runs.shape[1] + 1) for label, runs in by_label.items()}
    drawing = line_chart(
        {label: (epochs[label], runs.mean(axis=0)) for label, runs in by_label.items()},
        x_label="epoch",
        y_label=CURVE_NAMES[curve],
        bands={label: (runs.min(axis=0), runs.max(axis=0)) for label, runs in by_label.items()},
        variants={row.setting.label: row.setting.control_of for row in rows if row.setting.control_of is not None},
        y_limits=_limits(list(by_label.values())),
    )
    caption = f"{_sentence(CURVE_NAMES[curve])} by epoch, {what}; line: mean over the seeds, shade: their range"
    ends = "; ".join(f"{label} ends at {runs[:, -1].mean():.4f}" for label, runs in by_label.items())
    return Illustration(name, drawing, caption, f"{result.experiment.title}, {CURVE_NAMES[curve]} by epoch: {ends}")


def _limits(curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """The range of the curves, float64 (seeds, epochs) each, once they have settled, with a margin."""
    settled = [runs[:, int(SETTLED * runs.shape[1]) :] for runs in curves]
    low, high = min(map(np.min, settled)), max(map(np.max, settled))
    margin = 0.06 * max(high - low, 1e-3)
    return low - margin, high + margin


def _per_epoch(row: SettingResult, curve: Curve) -> np.ndarray | None:
    """The value of every epoch, float64 (seeds, epochs that all of them have); None where all diverged or it is not known."""
    logs = [outcome.log for outcome in row.outcomes if outcome.status == "finished" and outcome.log]
    epochs = min(map(len, logs), default=0)
    if epochs == 0 or any(record[curve] is None for log in logs for record in log):
        return None
    return np.array([[record[curve] for record in log[:epochs]] for log in logs], np.float64)


def _beside_the_paper(result: ExperimentResult) -> list[Illustration]:
    """A figure for each measure that the paper reports for more than one setting."""
    settings = [row.setting for row in result.rows]
    measures = result.experiment.measures
    return [_beside(result, measure) for measure in measures if sum(measure in setting.published for setting in settings) > 1]


def _beside(result: ExperimentResult, measure: Measure) -> Illustration:
    """Our results on the left, the paper's on the right."""
    here, there, texts = [], [], []
    for row in result.rows:
        values, number = row.values(measure), row.setting.published.get(measure)
        here.append((min(values), fmean(values), max(values)) if values else None)
        there.append(None if number is None else number.value)
        own = _mean_and_deviation(row, measure)
        texts.append(f"{row.setting.label}: {own} here, {_published(number) or 'none'} in the paper")
    name = MEASURE_NAMES[measure]
    are_controls = [row.setting.is_control for row in result.rows]
    drawing = side_by_side_chart(
        [row.setting.label for row in result.rows],
        here,
        there,
        here_label="here",
        there_label=PAPER,
        title=name,
        faint=are_controls,
    )
    caption = f"{_sentence(name)}: on the left here, with the range over the seeds; on the right the paper's, on Netflix"
    if any(are_controls):
        caption += "; hollow dots are controls"
    return Illustration(f"{result.experiment.name}-paper-{measure.replace('_', '-')}", drawing, caption, "; ".join(texts))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
