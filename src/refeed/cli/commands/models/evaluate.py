"""`refeed evaluate`: honest numbers of a model on held-out ratings."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refeed.cli.console import remarks, results, say, write_json
from refeed.cli.option_groups import Json, Model, Overwrite, Threads, takes_options
from refeed.cli.outputs import require_json, require_report
from refeed.cli.reading import ReadingOptions, read_as_trained, source_of
from refeed.errors import ConfigError, DataError
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.splits.base import Split
    from refeed.evaluation.evaluate import Evaluation, EvaluationOptions
    from refeed.fitted_model import FittedModel
    from refeed.metrics.intervals import PairedDifference


USERS_PER_BLOCK = 4096  # looked at at once


class PartName(StrEnum):
    """The parts of a split."""

    test = "test"
    valid = "valid"
    train = "train"


@takes_options
def evaluate_command(
    model: Model,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="The ratings it was trained on, split again in the same way; or others, with --history."
        ),
    ],
    part: Annotated[PartName | None, typer.Option(help="Part of the split to score; default: test.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="Score all of DATA; what the model sees of its users is in this file. No baseline.")
    ] = None,
    baseline: Annotated[bool, typer.Option(help="Compare with user and item biases fitted to the training part.")] = True,
    k: Annotated[
        list[int] | None,
        typer.Option("--k", "-k", help="Length of the ranked list; default: 10; may be repeated; 0 skips ranking."),
    ] = None,
    relevant_from: Annotated[
        float | None, typer.Option(help="Smallest relevant rating; default: three quarters of the scale.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of the users, at least 2.")] = 1000,
    json: Json = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    overwrite: Overwrite = False,
    threads: Threads = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Score held-out ratings: RMSE and MAE with intervals, by user activity, calibration of the prediction
    intervals, and ranking over the whole catalogue.
    """
    from refeed.evaluation.evaluate import EvaluationOptions
    from refeed.fitted_model import load
    from refeed.runtime import Runtime

    require_json(json, overwrite=overwrite, inputs=(model, data, history, report))
    if report is not None:
        require_report(report, overwrite=overwrite, inputs=(model, data, history))
    if history is not None and part is not None:
        raise ConfigError("--part goes with the model's own split; with --history all of DATA is scored")
    options = EvaluationOptions(tuple(length for length in (k or [10]) if length), relevant_from, resamples)
    Runtime.detect(threads=threads).apply()
    fitted = load(model)
    options.threshold(fitted.scale)  # refused now, not after the data are read
    source = source_of(data)
    if history is not None:
        evaluations = _given(fitted, source, source_of(history), reading, options)
    else:
        evaluations = _part(fitted, source, part or PartName.test, reading, options, baseline=baseline)
    main = next(iter(evaluations.values()))
    if options.ks and not main.ranking:
        say(f"No ranking: no user rated an item {main.relevant_from:g} or more that the model has not seen.")
    if main.calibration is None:
        say("No prediction intervals: the model folder has none (no validation set, converted, or of an older refeed).")
    difference = difference_of(evaluations, resamples=resamples)
    _show(fitted, model, data, evaluations, difference, json=json, report=report, overwrite=overwrite)


def _part(
    fitted: FittedModel, data: Path, part: PartName, reading: ReadingOptions, options: EvaluationOptions, *, baseline: bool
) -> dict[str, Evaluation]:
    from refeed.evaluation.evaluate import evaluate

    parts = split_again(fitted, data, reading)
    shown = ConsoleProgress(remarks())
    evaluations = {fitted.spec.title: evaluate(fitted, parts, part.value, options=options, progress=shown)}
    if baseline and fitted.spec.kind != "bias":
        baseline_model = fit_baseline(parts, refit=fitted.provenance.refit)
        evaluations["user and item biases"] = evaluate(baseline_model, parts, part.value, options=options, progress=shown)
    return evaluations


def _given(
    fitted: FittedModel, data: Path, history: Path, reading: ReadingOptions, options: EvaluationOptions
) -> dict[str, Evaluation]:
    from refeed.evaluation.evaluate import evaluate_given

    targets, seen = (read_as_trained(path, reading, fitted.provenance.reading) for path in (data, history))
    _require_apart(targets, seen, history)
    shown = ConsoleProgress(remarks())
    return {fitted.spec.title: evaluate_given(fitted, targets, seen, options=options, progress=shown)}


def _require_apart(targets: Ratings, seen: Ratings, history: Path) -> None:
    """Refuse to show a model the answers.

    Raises:
        DataError: a rating to score is also in the history.
    """
    import numpy as np

    from refeed.evaluation.overlap import also_in

    requested = targets.reindexed(seen.users, seen.items)[0]
    users = np.flatnonzero(requested.user_counts)
    blocks = (users[start : start + USERS_PER_BLOCK] for start in range(0, len(users), USERS_PER_BLOCK))
    both = sum(int(also_in(requested.rows(block), seen.rows(block)).sum()) for block in blocks)
    if both:
        raise DataError(
            f"{both:,} of the ratings to score are of a user and an item that are in this history too, so the model would see "
            "the answers",
            path=history,
            fix="Leave them out of one of the two files.",
        )


def split_again(fitted: FittedModel, data: Path, reading: ReadingOptions) -> Split:
    """Read the data of a model and split it as in training.

    Raises:
        DataError: the model has no split, or the data are not those it was trained on.
    """
    from refeed.data.splits.registry import split_from_dict

    recorded: dict[str, Any] = dict(fitted.provenance.split or {})
    if not recorded:
        raise DataError("this model folder records no split", fix="Give the ratings its users are known by: --history FILE.")
    labels = (recorded["column"],) if recorded["kind"] == "column" else ()
    ratings = read_as_trained(data, reading, fitted.provenance.reading, labels=labels)
    if ratings.fingerprint != fitted.provenance.data_fingerprint:
        raise DataError(
            "not the ratings that the model was trained on (other fingerprint), so they cannot be split in the same way",
            path=data,
            fix="Give the same file read in the same way; or score all of this file with --history FILE.",
        )
    return split_from_dict(recorded).apply(ratings)


def fit_baseline(parts: Split, *, refit: bool = False) -> FittedModel:
    """User and item biases fitted to the training set, or (`refit`) to that and the validation part."""
    from refeed.models import Bias
    from refeed.training.train import train

    return train(Bias(), parts, refit=refit)


def _show(
    fitted: FittedModel,
    model: Path,
    data: Path,
    evaluations: dict[str, Evaluation],
    difference: PairedDifference | None,
    *,
    json: str | None,
    report: Path | None,
    overwrite: bool,
) -> None:
    from refeed.evaluation.page import evaluation_page

    main = next(iter(evaluations.values()))
    if report is not None:
        from refeed.reports.page import write_page

        page = evaluation_page(
            fitted,
            evaluations,
            source=data.name,
            difference=difference,
            command=f"refeed evaluate {shlex.quote(str(model))} {shlex.quote(str(data))}",
        )
        write_page(page, report, overwrite=overwrite)
        say(f"report: {report}")
    if json is not None:
        others = {name: evaluation.to_dict() for name, evaluation in list(evaluations.items())[1:]}
        write_json(main.to_dict() | {"baselines": others}, json, overwrite=overwrite)
    if json != "-":
        show_evaluations(evaluations, difference)


def show_evaluations(evaluations: dict[str, Evaluation], difference: PairedDifference | None) -> None:
    """Print the tables."""
    from refeed.evaluation.tables import (
        activity_table,
        calibration_table,
        cold_text,
        comparison_text,
        error_table,
        ranking_table,
    )
    from refeed.reports.terminal import print_table

    main = next(iter(evaluations.values()))
    console = results()
    print_table(console, error_table(evaluations))
    if difference is not None:
        console.print(comparison_text(evaluations, difference))
    console.print(cold_text(main) + "\n")
    print_table(console, activity_table(main))
    if main.calibration is not None:
        console.print()
        print_table(console, calibration_table(main, main.calibration))
    if main.ranking:
        console.print()
        print_table(console, ranking_table(evaluations))


def difference_of(evaluations: dict[str, Evaluation], *, resamples: int = 1000) -> PairedDifference | None:
    """The difference of the first two models' RMSE, None where there is one model only."""
    from refeed.evaluation.compare import compare

    both = list(evaluations.values())[:2]
    return compare(*both, resamples=resamples) if len(both) == 2 else None
