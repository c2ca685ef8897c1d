"""`refeed evaluate`: honest numbers of a model on held-out ratings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refeed.cli.console import results, say, write_json
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions, read
from refeed.errors import DataError

if TYPE_CHECKING:
    from refeed.bundles import FittedModel
    from refeed.data.splits import Split
    from refeed.evaluation.evaluate import Evaluation, EvaluationOptions
    from refeed.metrics.intervals import PairedDifference


class PartName(StrEnum):
    """The parts of a split."""

    test = "test"
    valid = "valid"
    train = "train"


@takes_options
def evaluate_command(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    data: Annotated[
        Path, typer.Argument(help="The ratings it was trained on, split again in the same way; or others, with --history.")
    ],
    part: Annotated[PartName, typer.Option(help="Which part of the split to score.")] = PartName.test,
    history: Annotated[
        Path | None, typer.Option(help="Score all of DATA; what the model sees of its users is in this file.")
    ] = None,
    baseline: Annotated[bool, typer.Option(help="Compare with user and item biases fitted to the training part.")] = True,
    k: Annotated[
        list[int] | None, typer.Option(help="Length of the ranked list; may be repeated; 0 leaves ranking out.")
    ] = None,
    relevant_from: Annotated[
        float | None, typer.Option(help="Rating from which on an item is relevant; three quarters up the scale unless said.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of the users.")] = 1000,
    json: Annotated[str | None, typer.Option(help="Write JSON to this file, or - for standard output.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a report that is there.")] = False,
    *,
    reading: ReadingOptions,
) -> None:
    """Score held-out ratings: RMSE and MAE with intervals, by user activity, and ranking over the whole catalogue."""
    from refeed.bundles import load
    from refeed.evaluation.evaluate import EvaluationOptions

    if report is not None:
        from refeed.storage import require_free

        require_free(report, overwrite=overwrite)
    fitted = load(model)
    options = EvaluationOptions(tuple(one for one in (k or [10]) if one), relevant_from, resamples)
    reading = reading.or_else(dict(fitted.provenance.reading))
    if history is not None:
        evaluations = _given(fitted, data, history, reading, options)
    else:
        evaluations = _part(fitted, data, part, reading, options, baseline=baseline)
    _show(fitted, model, data, evaluations, json=json, report=report, overwrite=overwrite)


def _part(
    fitted: FittedModel, data: Path, part: PartName, reading: ReadingOptions, options: EvaluationOptions, *, baseline: bool
) -> dict[str, Evaluation]:
    from refeed.evaluation.evaluate import evaluate

    parts = split_again(fitted, data, reading)
    evaluations = {_name(fitted): evaluate(fitted, parts, part.value, options=options)}
    if baseline and fitted.spec.kind != "bias":
        evaluations["user and item biases"] = evaluate(fit_baseline(parts), parts, part.value, options=options)
    return evaluations


def _given(
    fitted: FittedModel, data: Path, history: Path, reading: ReadingOptions, options: EvaluationOptions
) -> dict[str, Evaluation]:
    from refeed.evaluation.evaluate import evaluate_given

    targets, seen = read(data, reading), read(history, reading)
    return {_name(fitted): evaluate_given(fitted, targets, seen, options=options)}


def split_again(fitted: FittedModel, data: Path, reading: ReadingOptions) -> Split:
    """Read the data of a model and split it as in training.

    Raises:
        DataError: the model has no split, or the data are not those it was trained on.
    """
    from refeed.data.splits import split_from_dict

    recorded: dict[str, Any] = dict(fitted.provenance.split or {})
    if not recorded:
        raise DataError("this model folder records no split", fix="Give the ratings its users are known by: --history FILE.")
    ratings = read(data, reading, labels=(recorded["column"],) if recorded["kind"] == "column" else ())
    if ratings.fingerprint != fitted.provenance.data_fingerprint:
        raise DataError(
            "not the ratings that the model was trained on (other fingerprint), so they cannot be split in the same way",
            path=data,
            fix="Give the same file read in the same way; or score all of this file with --history FILE.",
        )
    return split_from_dict(recorded).apply(ratings)


def fit_baseline(parts: Split) -> FittedModel:
    """User and item biases fitted to the training part."""
    from refeed.models import Bias
    from refeed.training.train import train

    return train(Bias(), parts)


def _name(fitted: FittedModel) -> str:
    return {"autoencoder": "deep autoencoder", "bias": "user and item biases"}[fitted.spec.kind]


def _show(
    fitted: FittedModel,
    model: Path,
    data: Path,
    evaluations: dict[str, Evaluation],
    *,
    json: str | None,
    report: Path | None,
    overwrite: bool,
) -> None:
    from refeed.evaluation.page import evaluation_page

    main = next(iter(evaluations.values()))
    difference = difference_of(evaluations)
    if report is not None:
        from refeed.reports.page import write_page

        page = evaluation_page(
            fitted, evaluations, source=data.name, difference=difference, command=f"refeed evaluate {model} {data}"
        )
        write_page(page, report, overwrite=overwrite)
        say(f"report: {report}")
    if json is not None:
        others = {name: one.to_dict() for name, one in list(evaluations.items())[1:]}
        write_json(main.to_dict() | {"baselines": others}, json)
    if json != "-":
        show_evaluations(evaluations, difference)


def show_evaluations(evaluations: dict[str, Evaluation], difference: PairedDifference | None) -> None:
    """Print the tables."""
    from refeed.evaluation.page import activity_table, cold_text, comparison_text, error_table, ranking_table
    from refeed.reports.terminal import print_table

    main = next(iter(evaluations.values()))
    console = results()
    print_table(console, error_table(evaluations))
    if difference is not None:
        console.print(comparison_text(evaluations, difference))
    console.print(cold_text(main) + "\n")
    print_table(console, activity_table(main))
    if main.ranking:
        console.print()
        print_table(console, ranking_table(evaluations))


def difference_of(evaluations: dict[str, Evaluation]) -> PairedDifference | None:
    """The difference of the first two models' RMSE, None where there is one model only."""
    from refeed.evaluation.compare import compare

    both = list(evaluations.values())[:2]
    return compare(*both) if len(both) == 2 else None
