"""`refeed demo`: the whole job on real data, in about a minute."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import remarks, results, say
from refeed.cli.describing import describe_run
from refeed.cli.option_groups import Overwrite
from refeed.cli.outputs import require_folder
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.splits.base import Split
    from refeed.evaluation.evaluate import Evaluation
    from refeed.fitted_model import FittedModel
    from refeed.inference.recommend import Recommendation
    from refeed.metrics.intervals import PairedDifference

DATASET = "ml-latest-small"
SYNTHETIC = (600, 2000, 100_000)  # users, items, ratings


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write the model and the report into.")] = Path(
        "refeed-demo"
    ),
    data_folder: Annotated[
        Path | None, typer.Option(help="A folder that holds ml-latest-small; REFEED_DATA and the cache otherwise.")
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Use the built-in synthetic ratings.")] = False,
    seed: Annotated[int, typer.Option(help="The one seed of the run.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Import, check, split on time, train, evaluate against a baseline, recommend, and write a report."""
    from refeed.cli.commands.models.evaluate import difference_of, require_report, show_evaluations
    from refeed.cli.commands.models.recommend import show_recommendations
    from refeed.fitted_model import CONFIG

    model, report = output / "model", output / "report.html"
    require_folder(model, overwrite=overwrite, marker=CONFIG)
    require_report(report, overwrite=overwrite)
    began = time.perf_counter()
    ratings, titles, source = _data(data_folder, synthetic, seed)
    parts = _prepare(ratings, output / "ratings")
    fitted, evaluations = _train_and_evaluate(parts, titles, ratings, seed)
    fitted.save(model, overwrite=overwrite)
    user, recommended = _recommend(fitted)
    difference = difference_of(evaluations)
    show_evaluations(evaluations, difference)
    results().print()
    show_recommendations(recommended, f"to user {user}")
    _write_report(fitted, evaluations, report, source, difference, (f"user {user}", recommended), overwrite)
    results().print(f"\nmodel folder  {model}\nreport        {report}\ntook          {time.perf_counter() - began:.0f} s")
    say(_next_steps(model, user, recommended))


def _next_steps(model: Path, user: int | str, recommended: list[Recommendation]) -> str:
    """Commands to try; the ratings of one's own are for the first two recommended items."""
    rated = zip(recommended, ("5", "3.5"), strict=False)
    ratings = shlex.join(f"{one.title or one.item}={rating}" for one, rating in rated)
    command = f"refeed recommend {shlex.quote(str(model))}"
    known = f"{command} --user-id {shlex.quote(str(user))}"
    return f"next: {known}\n  or, with ratings of your own: {command} {ratings}"


def _data(data_folder: Path | None, synthetic: bool, seed: int) -> tuple[Ratings, list[str | None], str]:
    """The real data where they can be had, else the synthetic ones; says which."""
    from refeed.cli.reading import ReadingOptions, read
    from refeed.cli.titles import find_titles
    from refeed.data.synthetic.in_memory import synthetic_ratings

    folder = None if synthetic else _find_or_fetch(data_folder)
    if folder is None:
        say("SYNTHETIC DATA: made-up users, items and stars, so the numbers below say nothing about real people.")
        ratings = synthetic_ratings(*SYNTHETIC, seed=seed)
        return ratings, [], "synthetic ratings"
    ratings = read(folder, ReadingOptions())
    return ratings, find_titles(ratings.items, folder, None), f"MovieLens {DATASET}"


def _find_or_fetch(data_folder: Path | None) -> Path | None:
    from refeed.data.datasets import fetch_dataset, find_dataset
    from refeed.errors import DataError, StorageError

    if data_folder is not None and not (data_folder / DATASET).is_dir():
        raise DataError(f"there is no folder {DATASET} in it", path=data_folder, fix="Leave out --data-folder to fetch it.")
    found = find_dataset(DATASET, data_folder=data_folder)
    if found is not None:
        say(f"real data: {found}")
        return found
    try:
        say(f"fetching {DATASET} from its publisher …")
        return fetch_dataset(DATASET)
    except (DataError, StorageError) as error:
        say(f"{DATASET} could not be fetched: {error.problem if isinstance(error, DataError) else error}")
        return None


def _prepare(ratings: Ratings, store: Path) -> Split:
    """Import into a store, check, and split on time."""
    from refeed.cli.commands.data.check import finding_text
    from refeed.cli.splitting import split
    from refeed.data.audit.audit import audit
    from refeed.data.rating_columns import RatingColumns
    from refeed.data.splits.leaks import audit_leaks
    from refeed.data.splits.time import UserTimeSplit
    from refeed.data.store.store import open_store, write_store

    write_store(ratings, store, overwrite=True)
    stored = open_store(store)
    checked = audit(RatingColumns.from_ratings(stored, path=store))
    worrying = [finding for finding in checked.findings if finding.level != "info"]
    say(f"check: {len(worrying)} errors or warnings" + "".join(f"\n  {finding_text(finding)}" for finding in worrying))
    say("Each person's last tenth of ratings is the future (test), the tenth before it is for choosing the epoch (valid).")
    parts = split(stored, UserTimeSplit(fraction=0.1))
    say(f"  {audit_leaks(parts).verdict}")
    say("  So it is with every split within each user: their own future is unseen, that of others is not.")
    return parts


def _train_and_evaluate(
    parts: Split, titles: list[str | None], ratings: Ratings, seed: int
) -> tuple[FittedModel, dict[str, Evaluation]]:
    from refeed.cli.commands.models.evaluate import fit_baseline
    from refeed.cli.titles import attach_titles
    from refeed.evaluation.evaluate import evaluate
    from refeed.presets import preset
    from refeed.runtime import Runtime
    from refeed.training.train import train

    default, runtime = preset("default"), Runtime.detect(seed=seed)
    say(describe_run(default.model, default.training, parts, runtime))
    fitted = train(default.model, parts, default.training, runtime=runtime, progress=ConsoleProgress(remarks()))
    baseline = fit_baseline(parts)
    evaluations = {
        fitted.spec.title: evaluate(fitted, parts),
        "user and item biases": evaluate(baseline, parts),
    }
    return attach_titles(fitted, ratings.items, titles), evaluations


def _recommend(fitted: FittedModel) -> tuple[int | str, list[Recommendation]]:
    """Ten items for the user with the median number of training ratings."""
    import numpy as np

    from refeed.inference.recommend import recommend

    assert fitted.histories is not None
    counts = fitted.histories.user_counts
    place = int(np.argsort(counts, kind="stable")[len(counts) // 2])
    user = fitted.users.decode([place])[0]
    return user, recommend(fitted, user, k=10)


def _write_report(
    fitted: FittedModel,
    evaluations: dict[str, Evaluation],
    path: Path,
    source: str,
    difference: PairedDifference | None,
    recommendations: tuple[str, list[Recommendation]],
    overwrite: bool,
) -> None:
    from refeed.evaluation.page import evaluation_page
    from refeed.reports.page import write_page

    page = evaluation_page(
        fitted,
        evaluations,
        source=source,
        difference=difference,
        recommendations=recommendations,
        command="refeed demo",
    )
    write_page(page, path, overwrite=overwrite)
