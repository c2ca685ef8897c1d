"""The report of a fitted model and its evaluation, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from refeed.config import from_dict, to_toml
from refeed.evaluation.evaluate import Evaluation
from refeed.evaluation.tables import (
    activity_table,
    calibration_table,
    cold_text,
    comparison_text,
    error_table,
    ranking_table,
    span_text,
)
from refeed.fitted_model import FittedModel
from refeed.inference.recommend import Recommendation
from refeed.metrics.coverage import Calibration
from refeed.metrics.intervals import PairedDifference
from refeed.models.ensemble.features import NAMES
from refeed.models.ensemble.model import EnsembleModel
from refeed.models.ensemble.spec import Ensemble
from refeed.optim.options import TrainingOptions
from refeed.reports.figures import interval_chart, line_chart
from refeed.reports.page import Cell, Code, Facts, Figure, Page, Section, Table
from refeed.version import __version__


def evaluation_page(
    fitted: FittedModel,
    evaluations: Mapping[str, Evaluation],
    *,
    source: str,
    difference: PairedDifference | None = None,
    recommendations: tuple[str, Sequence[Recommendation]] | None = None,
    command: str = "",
) -> Page:
    """A page on a model: main metrics, comparison, learning curve, error by activity, intervals, ranking, settings.

    Args:
        fitted: the model.
        evaluations: by name of the model, that of `fitted` first, then baselines.
        source: name of the ratings.
        difference: in RMSE between the first two models; default: not compared.
        recommendations: a user and their list; default: none.
        command: the command that made the page; default: none.
    """
    name, main = next(iter(evaluations.items()))
    sections = [
        Section("Summary", "", [Facts(_headline(main, difference))]),
        Section("Error on held-out ratings", comparison_text(evaluations, difference), _comparison(evaluations)),
    ]
    if isinstance(fitted.model, EnsembleModel) and isinstance(fitted.spec, Ensemble):
        sections.append(_members(fitted, fitted.spec, fitted.model))
    elif len(fitted.provenance.log) > 1:
        sections.append(_learning_curve(fitted))
    sections.append(_by_activity(evaluations))
    if main.calibration is not None:
        sections.append(_calibration(main, main.calibration))
    if main.ranking:
        sections.append(_ranking(evaluations, main))
    if recommendations is not None:
        sections.append(_recommended(*recommendations))
    sections.append(_settings(fitted, main, command))
    footer = f"refeed {__version__} · data {fitted.provenance.data_fingerprint} · split {fitted.provenance.split_fingerprint}"
    return Page(
        f"{name} on {source}", f"{main.num_ratings:,} {main.part} ratings of {main.num_users:,} users", sections, footer
    )


def _headline(main: Evaluation, difference: PairedDifference | None) -> list[tuple[str, Cell]]:
    metrics: list[tuple[str, Cell]] = [("RMSE", main.rmse), ("MAE", main.mae)]
    if difference is not None:
        metrics.append(("RMSE, difference to the baseline", f"{difference.difference:+.4f}"))
    metrics += [(metric.upper(), value) for metric, value in main.ranking.items() if metric.startswith("ndcg")]
    return [*metrics, ("ratings scored", main.num_ratings), ("cold ratings", main.cold.ratings)]


def _comparison(evaluations: Mapping[str, Evaluation]) -> list[Table | Figure]:
    blocks: list[Table | Figure] = [error_table(evaluations)]
    if len(evaluations) > 1:
        intervals = [evaluation.rmse_interval for evaluation in evaluations.values()]
        chart = interval_chart(
            list(evaluations),
            [evaluation.rmse for evaluation in evaluations.values()],
            [interval.low for interval in intervals],
            [interval.high for interval in intervals],
            x_label="RMSE, 95% interval",
        )
        alt = "; ".join(f"{name} {evaluation.rmse:.4f}" for name, evaluation in evaluations.items())
        caption = "RMSE with 95% bootstrap intervals over users, which are wide since users differ"
        blocks.append(Figure(chart.svg(), caption, alt))
    return blocks


def _members(fitted: FittedModel, spec: Ensemble, model: EnsembleModel) -> Section:
    log, has_varying_weights = fitted.provenance.log, len(model.weights_by_feature) > 0
    rows: list[list[Cell]] = [
        [str(member), f"{weight:+.2f}", f"{record['train_rmse']:.4f}", f"{record['valid_rmse']:.4f}"]
        for member, weight, record in zip(spec.members, model.weights.tolist()[1:], log[: len(spec.members)], strict=True)
    ]
    text = (
        "The prediction is a weighted sum of the members' predictions. Weights and settings were chosen on the validation set; "
        "validation RMSE is cross-validated over users." + _refitted(fitted)
    )
    if has_varying_weights:
        rows.append(["all of them, with varying weights", "", "", f"{log[-1]['valid_rmse']:.4f}"])
        text += (
            " The weights vary with features of the user and the item (feature-weighted linear stacking). The first table has "
            "the weights of an average pair; the second has their change, and that of the prediction where all members predict "
            "the mean rating, for each standard deviation of a feature above its mean."
        )
    columns = ["member, with its best settings", "weight", "training RMSE", "validation RMSE of all so far"]
    tables = [Table(columns, rows, align="lrrr"), *([_varying_weights(model)] if has_varying_weights else [])]
    return Section("Members of the ensemble", text, tables)


def _varying_weights(model: EnsembleModel) -> Table:
    by_feature, mean = model.weights_by_feature.numpy(force=True), model.features.mean.item()
    changes = by_feature[:, 0] + mean * by_feature[:, 1:].sum(1)
    rows: list[list[Cell]] = [
        [name, f"{change:+.3f}", *(f"{weight:+.3f}" if weight else "" for weight in weights)]
        for name, change, weights in zip(NAMES, changes.tolist(), by_feature[:, 1:].tolist(), strict=True)
    ]
    members = [f"weight {number}" for number in range(1, len(model.weights))]
    return Table(["feature", "prediction", *members], rows, align="l" + "r" * len(model.weights))


def _refitted(fitted: FittedModel) -> str:
    """For a refitted model: that the training log is that of the first fit."""
    if not fitted.provenance.refit:
        return ""
    return " The model was then refitted to the training and validation sets together; these errors are of the first fit."


def _learning_curve(fitted: FittedModel) -> Section:
    log, best = fitted.provenance.log, fitted.provenance.best_epoch
    epochs = [record["epoch"] for record in log]
    series = {"training": (epochs, [record["train_rmse"] for record in log])}
    marks = {}
    if log[0]["valid_rmse"] is not None:
        series["validation"] = (epochs, [record["valid_rmse"] for record in log])
        marks = {f"best: epoch {best}": (best, log[best - 1]["valid_rmse"])}
    chart = line_chart(series, x_label="epoch", y_label="RMSE", marks=marks)
    alt = f"RMSE by epoch; training ends at {log[-1]['train_rmse']:.4f}"
    text = "Training RMSE is measured with dropout, before each update; validation RMSE on clipped predictions after the epoch."
    return Section("Learning curve", text + _refitted(fitted), [Figure(chart.svg(), "RMSE by epoch", alt)])


def _by_activity(evaluations: Mapping[str, Evaluation]) -> Section:
    main = next(iter(evaluations.values()))
    blocks: list[Table | Figure] = [activity_table(main)]
    if len(main.activity) > 1:
        series = {
            name: (list(range(1, len(evaluation.activity) + 1)), [group.rmse for group in evaluation.activity])
            for name, evaluation in evaluations.items()
        }
        chart = line_chart(series, x_label="group of users, least active first", y_label="RMSE")
        alt = "; ".join(f"{span_text(group)} ratings: {group.rmse:.4f}" for group in main.activity)
        blocks.append(Figure(chart.svg(), "RMSE by user activity", alt))
    return Section("Error by user activity", cold_text(main), blocks)


def _calibration(main: Evaluation, calibration: Calibration) -> Section:
    nominal = [100 * level.level for level in calibration.levels]
    series = {
        "observed": (nominal, [100 * level.coverage for level in calibration.levels]),
        "nominal": (nominal, nominal),
    }
    ends = np.array([level.coverage_interval for level in calibration.levels])
    chart = line_chart(
        series,
        x_label="level of the interval, %",
        y_label="coverage, %",
        bands={"observed": (100 * ends[:, 0], 100 * ends[:, 1])},
    )
    alt = "; ".join(f"{level.level:.0%}: coverage {level.coverage:.1%}" for level in calibration.levels)
    text = (
        "The intervals were calibrated on the errors of the validation set (split conformal prediction). Coverage is the share "
        "of ratings inside: above the nominal level intervals are wider than needed, below it too narrow. The interval score "
        "is the mean width plus a penalty for ratings outside; the CRPS summarises all levels, in the units of the MAE. Lower "
        "is better for both."
    )
    figure = Figure(chart.svg(), "Coverage of the intervals; the shade is a 95% bootstrap interval over users", alt)
    return Section("Prediction intervals", text, [calibration_table(main, calibration), figure])


def _ranking(evaluations: Mapping[str, Evaluation], main: Evaluation) -> Section:
    text = (
        "For each user all items are ranked except those in the history. An item is relevant if the user gave it "
        f"{main.relevant_from:g} or more in the {main.part} ratings."
    )
    return Section("Ranking", text, [ranking_table(evaluations)])


def _recommended(user: str, items: Sequence[Recommendation]) -> Section:
    rows: list[list[Cell]] = [[item.rank, str(item.item), item.title or "", f"{item.rating:.2f}"] for item in items]
    return Section(f"Recommended to {user}", "", [Table(["", "item", "title", "predicted rating"], rows, align="rllr")])


def _settings(fitted: FittedModel, main: Evaluation, command: str) -> Section:
    provenance = fitted.provenance
    split = provenance.split or {}
    rows: list[list[Cell]] = [
        ["trained weights", fitted.num_parameters],
        ["members", len(fitted.spec.members)] if isinstance(fitted.spec, Ensemble) else ["best epoch", provenance.best_epoch],
        ["fitted to", "train and validation" if provenance.refit else "train"],
        ["seed", provenance.seed],
        ["split", ", ".join(f"{key} {value}" for key, value in split.items() if value is not None)],
        ["cold users, items, ratings", f"{main.cold.users:,}, {main.cold.items:,}, {main.cold.ratings:,}"],
    ]
    if provenance.note:
        rows.append(["note", provenance.note])
    settings = {"model": fitted.spec, "training": _options(fitted)}
    texts = [to_toml({name: config for name, config in settings.items() if config is not None}).strip(), command]
    return Section("Settings", "", [Table(["setting", "value"], rows, align="ll"), *(Code(text) for text in texts if text)])


def _options(fitted: FittedModel) -> TrainingOptions | None:
    """The training options; None where the model takes none."""
    options = fitted.provenance.options
    return from_dict(TrainingOptions, options, where="training options") if options else None
