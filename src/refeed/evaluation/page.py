"""The report of a fitted model and its evaluation, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from refeed.config import from_dict, to_toml
from refeed.evaluation.evaluate import Evaluation
from refeed.fitted_model import FittedModel
from refeed.inference.recommend import Recommendation
from refeed.metrics.coverage import Calibration
from refeed.metrics.intervals import PairedDifference
from refeed.models.ensemble.features import NAMES
from refeed.models.ensemble.model import EnsembleModel
from refeed.models.ensemble.spec import Ensemble
from refeed.optim.options import TrainingOptions
from refeed.reports.figures import interval_chart, line_chart
from refeed.reports.page import Code, Facts, Figure, Page, Section, Table
from refeed.version import __version__

SHOWN_LEVELS = (0.5, 0.8, 0.9, 0.95)


def evaluation_page(
    fitted: FittedModel,
    evaluations: Mapping[str, Evaluation],
    *,
    source: str,
    difference: PairedDifference | None = None,
    recommendations: tuple[str, Sequence[Recommendation]] | None = None,
    command: str = "",
) -> Page:
    """A page on a model: headline numbers, comparison, learning curve, errors by activity, intervals, ranking, settings.

    Args:
        fitted: the model.
        evaluations: by name of the model, the one of `fitted` first; baselines after it.
        source: what the ratings are.
        difference: of the first two models' RMSE.
        recommendations: for whom, and the list.
        command: what was run.
    """
    name, main = next(iter(evaluations.items()))
    sections = [
        Section("At a glance", "", [Facts(_headline(main, difference))]),
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


def error_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """RMSE and MAE of each model, a row each; the last column is the RMSE without clipping to the scale."""
    rows: list[list[str | int | float | None]] = [
        [name, one.rmse, _interval(one.rmse_interval), one.mae, _interval(one.mae_interval), one.rmse_unclipped]
        for name, one in evaluations.items()
    ]
    one = next(iter(evaluations.values()))
    return Table(
        ["model", "RMSE", "95% interval", "MAE", "95% interval", "unclipped"],
        rows,
        caption=f"{one.num_ratings:,} {one.part} ratings of {one.num_users:,} users; intervals by bootstrap over users",
        align="lrrrrr",
    )


def activity_table(evaluation: Evaluation) -> Table:
    """Errors by how many ratings the model sees of a user."""
    return Table(
        ["ratings seen", "users", "ratings", "RMSE", "MAE"],
        [[_span(g.low, g.high), g.users, g.ratings, g.rmse, g.mae] for g in evaluation.activity],
        caption="By the number of ratings that the model sees of a user (tenths of the users)",
        align="lrrrr",
    )


def calibration_table(evaluation: Evaluation, calibration: Calibration) -> Table:
    """Whether the prediction intervals hold what they promise, at the levels that people ask for."""
    learnt = "; they were learnt from these ratings" if evaluation.part == "valid" else ""
    return Table(
        ["interval", "ratings inside", "95% interval", "mean width", "score"],
        [
            [f"{one.level:.0%}", f"{one.coverage:.1%}", _shares(one.coverage_interval), f"{one.width:.2f}", f"{one.score:.2f}"]
            for one in calibration.levels
            if one.level in SHOWN_LEVELS
        ],
        caption=f"Prediction intervals, CRPS {calibration.crps:.4f}{learnt}",
        align="rrrrr",
    )


def ranking_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """Ranking metrics of each model."""
    main = next(iter(evaluations.values()))
    return Table(
        ["model", *main.ranking],
        [[name, *(one.ranking.get(metric) for metric in main.ranking)] for name, one in evaluations.items()],
        caption=f"Ranking of the whole catalogue; {main.ranking_users:,} users rated an item {main.relevant_from:g} or more",
    )


def comparison_text(evaluations: Mapping[str, Evaluation], difference: PairedDifference | None) -> str:
    """One sentence on the difference of the first two models."""
    if difference is None:
        return "Predictions are clipped to the rating scale unless said otherwise. Lower is better."
    first, second = list(evaluations)[:2]
    if difference.low <= 0 <= difference.high:
        verdict = f"The RMSE of {first} and {second} cannot be told apart on these ratings"
    else:
        verdict = f"{first} has a {'lower' if difference.high < 0 else 'higher'} RMSE than {second}"
    return f"{verdict}: difference {difference.difference:+.4f}, 95% interval {difference.low:+.4f} to {difference.high:+.4f}."


def cold_text(evaluation: Evaluation) -> str:
    """What was not scored, and why."""
    cold, parts = evaluation.cold, []
    if cold.ratings:
        parts.append(
            f"{cold.ratings:,} ratings were not scored: the model knows no rating of {cold.users:,} users and "
            f"{cold.items:,} items"
        )
    parts += [f"{number:,} ratings were left out of the split ({reason})" for reason, number in evaluation.left_out.items()]
    return "; ".join(parts) + "." if parts else "Every rating of the part was scored."


def _headline(main: Evaluation, difference: PairedDifference | None) -> list[tuple[str, str | int | float | None]]:
    pairs: list[tuple[str, str | int | float | None]] = [("RMSE", main.rmse), ("MAE", main.mae)]
    if difference is not None:
        pairs.append(("against the baseline", f"{difference.difference:+.4f}"))
    pairs += [(metric.upper(), value) for metric, value in main.ranking.items() if metric.startswith("ndcg")]
    return [*pairs, ("ratings scored", main.num_ratings), ("cold ratings", main.cold.ratings)]


def _comparison(evaluations: Mapping[str, Evaluation]) -> list[Table | Figure]:
    blocks: list[Table | Figure] = [error_table(evaluations)]
    if len(evaluations) > 1:
        ends = [one.rmse_interval for one in evaluations.values()]
        chart = interval_chart(
            list(evaluations),
            [one.rmse for one in evaluations.values()],
            [end.low for end in ends],
            [end.high for end in ends],
            x_label="RMSE, 95% interval",
        )
        alt = "; ".join(f"{name} {one.rmse:.4f}" for name, one in evaluations.items())
        blocks.append(Figure(chart.svg(), "RMSE with 95% intervals; users are drawn, so the intervals are wide", alt))
    return blocks


def _members(fitted: FittedModel, spec: Ensemble, model: EnsembleModel) -> Section:
    log = fitted.provenance.log
    rows: list[list[str | int | float | None]] = [
        [str(member), f"{weight:+.2f}", f"{record['train_rmse']:.4f}", f"{record['valid_rmse']:.4f}"]
        for member, weight, record in zip(spec.members, model.weights.tolist()[1:], log[: len(spec.members)], strict=True)
    ]
    if len(model.weights_by_feature):
        rows.append(["all of them, with weights that move with the pair", "", "", f"{log[-1]['valid_rmse']:.4f}"])
    columns = ["member, with the settings that did best", "weight", "training RMSE", "validation RMSE of all so far"]
    text = (
        "The prediction is the weighted sum of those of its members. Weights and settings were chosen on the validation part; "
        "the validation RMSE is that of weights learnt from other users." + _refitted(fitted)
    )
    blocks: list[Table | Figure] = [Table(columns, rows, align="lrrr")]
    if len(model.weights_by_feature):
        text += (
            " The weights, and the prediction itself, move with what is known of the pair (feature-weighted stacking): the "
            "second table says by how much for each standard deviation above the mean, where the members predict the mean "
            "rating. The weights of the first table are those of a mean pair."
        )
        blocks.append(_moved_weights(model))
    return Section("What it is made of", text, blocks)


def _moved_weights(model: EnsembleModel) -> Table:
    by_feature, mean = model.weights_by_feature.numpy(force=True), model.features.mean.item()
    raised = by_feature[:, 0] + mean * by_feature[:, 1:].sum(1)
    rows: list[list[str | int | float | None]] = [
        [name, f"{more:+.3f}", *(f"{weight:+.3f}" if weight else "" for weight in weights)]
        for name, more, weights in zip(NAMES, raised.tolist(), by_feature[:, 1:].tolist(), strict=True)
    ]
    members = [f"weight {number}" for number in range(1, len(model.weights))]
    return Table(["what is known", "prediction", *members], rows, align="l" + "r" * len(model.weights))


def _refitted(fitted: FittedModel) -> str:
    """That the errors in training are not of the model itself, where they are not."""
    if not fitted.provenance.refit:
        return ""
    return " After that it was fitted anew to train and validation together; the errors shown here are of the first fit."


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
    text = "The training error is measured with dropout on, before each update; the validation error on clipped predictions."
    return Section("Learning", text + _refitted(fitted), [Figure(chart.svg(), "RMSE after each epoch", alt)])


def _by_activity(evaluations: Mapping[str, Evaluation]) -> Section:
    main = next(iter(evaluations.values()))
    series = {
        name: (list(range(1, len(one.activity) + 1)), [group.rmse for group in one.activity])
        for name, one in evaluations.items()
    }
    blocks: list[Table | Figure] = [activity_table(main)]
    if len(main.activity) > 1:
        chart = line_chart(series, x_label="group of users, least active first", y_label="RMSE")
        alt = "; ".join(f"{_span(group.low, group.high)} ratings: {group.rmse:.4f}" for group in main.activity)
        blocks.append(Figure(chart.svg(), "RMSE by activity", alt))
    return Section("Who is served how well", cold_text(main), blocks)


def _calibration(main: Evaluation, calibration: Calibration) -> Section:
    promised = [100 * one.level for one in calibration.levels]
    series = {
        "observed": (promised, [100 * one.coverage for one in calibration.levels]),
        "as promised": (promised, promised),
    }
    ends = np.array([one.coverage_interval for one in calibration.levels])
    chart = line_chart(
        series,
        x_label="level of the interval, %",
        y_label="ratings inside, %",
        bands={"observed": (100 * ends[:, 0], 100 * ends[:, 1])},
    )
    alt = "; ".join(f"{one.level:.0%}: {one.coverage:.1%} inside" for one in calibration.levels)
    text = (
        "Each prediction has an interval for every level, learnt from the errors on the validation part. Above the line of "
        "what is promised they are wider than needed, below it too narrow. The score is the mean width plus a fine for ratings "
        "outside; the CRPS sums up all levels, in the units of the MAE. Lower is better for both."
    )
    figure = Figure(chart.svg(), "Ratings inside the intervals; the shade is a 95% interval, users drawn", alt)
    return Section("How sure a prediction is", text, [calibration_table(main, calibration), figure])


def _ranking(evaluations: Mapping[str, Evaluation], main: Evaluation) -> Section:
    text = (
        f"For each user all items but those in the history are ranked. An item is relevant if the user rated it "
        f"{main.relevant_from:g} or more in the held-out part."
    )
    return Section("Ranking", text, [ranking_table(evaluations)])


def _recommended(who: str, items: Sequence[Recommendation]) -> Section:
    rows: list[list[str | int | float | None]] = [
        [one.rank, str(one.item), one.title or "", f"{one.rating:.2f}"] for one in items
    ]
    return Section(f"Recommended to {who}", "", [Table(["", "item", "title", "predicted rating"], rows, align="rllr")])


def _settings(fitted: FittedModel, main: Evaluation, command: str) -> Section:
    split = fitted.provenance.split or {}
    facts: list[tuple[str, str | int]] = [
        ("trained weights", fitted.num_parameters),
        ("members", len(fitted.spec.members))
        if isinstance(fitted.spec, Ensemble)
        else ("best epoch", fitted.provenance.best_epoch),
        ("fitted to", "train and validation" if fitted.provenance.refit else "train"),
        ("seed", fitted.provenance.seed),
        ("split", ", ".join(f"{key} {value}" for key, value in split.items() if value is not None)),
        ("cold users, items, ratings", f"{main.cold.users:,}, {main.cold.items:,}, {main.cold.ratings:,}"),
    ]
    if fitted.provenance.note:
        facts.append(("note", fitted.provenance.note))
    rows: list[list[str | int | float | None]] = [[name, value] for name, value in facts]
    settings = {"model": fitted.spec, "training": _options(fitted)}
    texts = [to_toml({name: config for name, config in settings.items() if config is not None}).strip(), command]
    return Section(
        "How it was made", "", [Table(["setting", "value"], rows, align="ll"), *(Code(text) for text in texts if text)]
    )


def _options(fitted: FittedModel) -> TrainingOptions | None:
    """How it was trained, None where that was not by gradient."""
    options = fitted.provenance.options
    return from_dict(TrainingOptions, options, where="training options") if options else None


def _interval(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4f}–{ends[1]:.4f}"


def _shares(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.1%}–{ends[1]:.1%}"


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
