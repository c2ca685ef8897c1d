"""The tables and sentences of an evaluation, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping

from refeed.evaluation.evaluate import Evaluation
from refeed.metrics.activity import ActivityGroup
from refeed.metrics.coverage import Calibration
from refeed.metrics.intervals import Interval, PairedDifference
from refeed.reports.page import Cell, Table

SHOWN_LEVELS = (0.5, 0.8, 0.9, 0.95)


def error_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """RMSE and MAE of each model, a row per model; the last column is the RMSE without clipping to the scale."""
    rows: list[list[Cell]] = [
        [
            name,
            evaluation.rmse,
            _interval(evaluation.rmse_interval),
            evaluation.mae,
            _interval(evaluation.mae_interval),
            evaluation.rmse_unclipped,
        ]
        for name, evaluation in evaluations.items()
    ]
    main = next(iter(evaluations.values()))
    return Table(
        ["model", "RMSE", "95% interval", "MAE", "95% interval", "unclipped"],
        rows,
        caption=f"{main.num_ratings:,} {main.part} ratings of {main.num_users:,} users; intervals by bootstrap over users",
        align="lrrrrr",
    )


def activity_table(evaluation: Evaluation) -> Table:
    """Errors by the number of ratings in a user's history."""
    return Table(
        ["ratings in the history", "users", "ratings", "RMSE", "MAE"],
        [[span_text(group), group.users, group.ratings, group.rmse, group.mae] for group in evaluation.activity],
        caption="By the number of ratings in a user's history (deciles of the users)",
        align="lrrrr",
    )


def calibration_table(evaluation: Evaluation, calibration: Calibration) -> Table:
    """Coverage, width and score of the prediction intervals at SHOWN_LEVELS."""
    fitted_here = "; they were calibrated on these ratings" if evaluation.part == "valid" else ""
    return Table(
        ["level", "coverage", "95% interval", "mean width", "interval score"],
        [
            [
                f"{level.level:.0%}",
                f"{level.coverage:.1%}",
                _shares(level.coverage_interval),
                f"{level.width:.2f}",
                f"{level.score:.2f}",
            ]
            for level in calibration.levels
            if level.level in SHOWN_LEVELS
        ],
        caption=f"Prediction intervals, CRPS {calibration.crps:.4f}{fitted_here}",
        align="rrrrr",
    )


def ranking_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """Ranking metrics of each model."""
    main = next(iter(evaluations.values()))
    return Table(
        ["model", *main.ranking],
        [[name, *(evaluation.ranking.get(metric) for metric in main.ranking)] for name, evaluation in evaluations.items()],
        caption=f"Ranking of the whole catalogue; {main.ranking_users:,} users rated an item {main.relevant_from:g} or more",
    )


def comparison_text(evaluations: Mapping[str, Evaluation], difference: PairedDifference | None) -> str:
    """One sentence on the difference of the first two models."""
    if difference is None:
        return "Predictions are clipped to the rating scale, unless marked unclipped. Lower is better."
    first, second = list(evaluations)[:2]
    if difference.low <= 0 <= difference.high:
        verdict = f"The RMSE of {first} does not differ significantly from that of {second} on these ratings"
    else:
        verdict = f"{first} has a {'lower' if difference.high < 0 else 'higher'} RMSE than {second}"
    return f"{verdict}: difference {difference.difference:+.4f}, 95% interval {difference.low:+.4f} to {difference.high:+.4f}."


def cold_text(evaluation: Evaluation) -> str:
    """The ratings that were not scored, and why."""
    cold, sentences = evaluation.cold, []
    if cold.ratings:
        sentences.append(
            f"{cold.ratings:,} ratings were not scored (cold start): {cold.users:,} users and {cold.items:,} items are "
            "without a training rating"
        )
    sentences += [f"{number:,} ratings were left out of the split ({why})" for why, number in evaluation.left_out.items()]
    return "; ".join(sentences) + "." if sentences else f"All {evaluation.part} ratings were scored."


def span_text(group: ActivityGroup) -> str:
    """The numbers of ratings in the histories of a group of users."""
    return f"{group.low:,}" if group.low == group.high else f"{group.low:,} to {group.high:,}"


def _interval(ends: Interval) -> str:
    return f"{ends.low:.4f}–{ends.high:.4f}"


def _shares(ends: Interval) -> str:
    return f"{ends.low:.1%}–{ends.high:.1%}"
