"""`refeed demo`: the whole job on MovieLens ratings, in seconds."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import remarks, results, say
from refeed.cli.describing import describe_run
from refeed.cli.option_groups import Overwrite, Threads
from refeed.cli.outputs import require_folder, require_report
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.splits.base import Split
    from refeed.data.vocabulary import Id
    from refeed.evaluation.evaluate import Evaluation
    from refeed.fitted_model import FittedModel
    from refeed.inference.recommend import Recommendation
    from refeed.metrics.intervals import PairedDifference
    from refeed.runtime import Runtime

DATASET = "ml-latest-small"
MEMBERS = (
    "autoencoder encoder=128,64 dropout=0.5 offsets=bias learning_rate=0.003 weight_decay=0.01 decay_biases=false epochs=10 "
    "schedule=cosine",
    "bayesian factors=16 samples=60 burn_in=15 session_minutes=none",
)
"""Of the demo's ensemble, chosen on the validation set of ml-latest-small among those that train in seconds."""
LEAST_RATINGS = 10
"""Training ratings of an item that the demo recommends: of rarer ones the model knows little."""
FAVOURITES = 5  # items that are shown of a user's history


@dataclass(frozen=True, eq=False)
class DemoData:
    """What the demo trains on.

    Attributes:
        ratings: all of them.
        titles: of each item.
        source: what the ratings are, in a few words.
        tastes: what is known of each user's taste, where the ratings are synthetic.
    """

    ratings: Ratings
    titles: list[str | None]
    source: str
    tastes: Mapping[Id, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DemoList:
    """The list for one user.

    Attributes:
        user: whose it is.
        favourites: what the user rated highest in training, each the rating and the title (or id).
        recommended: items that the user has not rated, of those with LEAST_RATINGS or more.
    """

    user: Id
    favourites: list[str]
    recommended: list[Recommendation]

    @property
    def title(self) -> str:
        """Whom the list is for, and what it leaves out."""
        return f"user {self.user}, of items with {LEAST_RATINGS} training ratings or more"


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write the model and the report into.")] = Path(
        "refeed-demo"
    ),
    data_folder: Annotated[
        Path | None, typer.Option(help=f"Folder that holds {DATASET}; default: REFEED_DATA, then the cache.")
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Use synthetic ratings of films that do not exist.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    overwrite: Overwrite = False,
    threads: Threads = None,
) -> None:
    """Train, evaluate and recommend on MovieLens ratings, and write a report."""
    from refeed.cli.commands.models.evaluate import difference_of, show_evaluations
    from refeed.cli.titles import attach_titles
    from refeed.fitted_model import CONFIG
    from refeed.runtime import Runtime

    model, report = output / "model", output / "report.html"
    require_folder(model, overwrite=overwrite, marker=CONFIG)
    require_report(report, overwrite=overwrite)
    began = time.perf_counter()
    runtime = Runtime.detect(seed=seed, threads=threads)
    runtime.apply()
    data = _data(data_folder, synthetic, seed)
    parts = _split(data.ratings, output / "ratings")
    fitted, baseline = _train(parts, runtime)
    fitted = attach_titles(fitted, data.ratings.items, data.titles)
    fitted.save(model, overwrite=overwrite)
    evaluations = _evaluate(fitted, baseline, parts)
    difference = difference_of(evaluations)
    recommendations = _recommend(fitted, parts.train)
    show_evaluations(evaluations, difference)
    _show(recommendations, data.tastes.get(recommendations.user))
    _write_report(fitted, evaluations, report, data.source, difference, recommendations, overwrite=overwrite)
    results().print(f"\nmodel folder  {model}\nreport        {report}\ntook          {time.perf_counter() - began:.0f} s")
    say(_next_steps(model, recommendations))


def _data(data_folder: Path | None, synthetic: bool, seed: int) -> DemoData:
    """The real data where they can be had, else synthetic ones; says which."""
    from refeed.cli.reading import ReadingOptions, read
    from refeed.cli.titles import find_titles

    folder = None if synthetic else _find_or_fetch(data_folder)
    if folder is None:
        say("SYNTHETIC DATA: generated users, films and ratings, so the numbers below say nothing about real people.")
        return _synthetic_data(seed)
    ratings = read(folder, ReadingOptions())
    return DemoData(ratings, find_titles(ratings.items, folder, None), f"MovieLens {DATASET}")


def _synthetic_data(seed: int) -> DemoData:
    from refeed.data.synthetic.films import synthetic_films

    films = synthetic_films(seed=seed)
    titles: list[str | None] = [films.titles[item - 1] for item in films.ratings.items.ids.to_pylist()]
    tastes: dict[Id, str] = {
        user: f"made to like {' and '.join(sorted(genres))}, and films of about {year}"
        for user, (genres, year) in enumerate(zip(films.liked_genres, films.favourite_years, strict=True), start=1)
    }
    return DemoData(films.ratings, titles, "synthetic ratings of films", tastes)


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


def _split(ratings: Ratings, store: Path) -> Split:
    """Import the ratings into a store, check them, and split them on time."""
    from refeed.cli.commands.data.check import finding_text
    from refeed.cli.splitting import split
    from refeed.data.audit.audit import audit
    from refeed.data.rating_columns import RatingColumns
    from refeed.data.splits.leaks import audit_leaks
    from refeed.data.splits.time import UserTimeSplit
    from refeed.data.store.store import open_store, write_store

    write_store(ratings, store, overwrite=True)
    stored = open_store(store)
    findings = [
        finding for finding in audit(RatingColumns.from_ratings(stored, path=store)).findings if finding.level != "info"
    ]
    say(f"check: {len(findings)} errors or warnings" + "".join(f"\n  {finding_text(finding)}" for finding in findings))
    say("The last tenth of each user's ratings is the test set, the tenth before it the validation set.")
    parts = split(stored, UserTimeSplit(fraction=0.1))
    say(f"  {audit_leaks(parts).verdict}")
    say("  So it is with every split within each user: their own future is unseen, that of others is not.")
    return parts


def _train(parts: Split, runtime: Runtime) -> tuple[FittedModel, FittedModel]:
    """The demo's ensemble and the baseline, user and item biases."""
    from refeed.cli.commands.models.evaluate import fit_baseline
    from refeed.models import Ensemble
    from refeed.models.ensemble.members import Member
    from refeed.optim.options import TrainingOptions
    from refeed.training.train import train

    spec, options = Ensemble(members=tuple(map(Member, MEMBERS))), TrainingOptions()
    say("A small ensemble, for a short demo; `refeed train` trains a larger one, whose error is lower.")
    say(describe_run(spec, options, parts, runtime))
    fitted = train(spec, parts, options, runtime=runtime, progress=ConsoleProgress(remarks()))
    return fitted, fit_baseline(parts)


def _evaluate(fitted: FittedModel, baseline: FittedModel, parts: Split) -> dict[str, Evaluation]:
    from refeed.evaluation.evaluate import evaluate

    return {"small ensemble": evaluate(fitted, parts), "user and item biases": evaluate(baseline, parts)}


def _recommend(fitted: FittedModel, train: Ratings) -> DemoList:
    """Ten items for the user with the median number of training ratings."""
    import numpy as np

    from refeed.inference.recommend import recommend

    place = int(np.argsort(train.user_counts, kind="stable")[train.num_users // 2])
    user, history = train.users.decode([place])[0], train.rows(np.array([place]))
    order = np.argsort(-history.values, kind="stable")[:FAVOURITES]
    best, ratings = history.indices[order], history.values[order]
    named = zip(ratings, fitted.titles_of(best), train.items.decode(best), strict=True)
    favourites = [f"{rating:3g}  {title or id_}" for rating, title, id_ in named]
    rare = tuple(train.items.decode(np.flatnonzero(train.item_counts < LEAST_RATINGS)))
    return DemoList(user, favourites, recommend(fitted, user, k=10, exclude=rare))


def _show(found: DemoList, taste: str | None) -> None:
    """Print a user's taste, as far as it is known, and the list."""
    from refeed.cli.commands.models.recommend import show_recommendations

    console = results()
    console.print(f"\nUser {found.user}" + (f", {taste}," if taste else "") + " rated highest:")
    console.print("\n".join(found.favourites) + "\n")
    show_recommendations(found.recommended, f"to {found.title}")


def _write_report(
    fitted: FittedModel,
    evaluations: dict[str, Evaluation],
    path: Path,
    source: str,
    difference: PairedDifference | None,
    recommendations: DemoList,
    *,
    overwrite: bool,
) -> None:
    from refeed.evaluation.page import evaluation_page
    from refeed.reports.page import write_page

    page = evaluation_page(
        fitted,
        evaluations,
        source=source,
        difference=difference,
        recommendations=(recommendations.title, recommendations.recommended),
        command="refeed demo",
    )
    write_page(page, path, overwrite=overwrite)


def _next_steps(model: Path, found: DemoList) -> str:
    """Commands to try, one of them with ratings of the first two recommended items."""
    ratings = shlex.join(
        f"{item.title or item.item}={rating}" for item, rating in zip(found.recommended, ("5", "3.5"), strict=False)
    )
    command = f"refeed recommend {shlex.quote(str(model))}"
    return (
        f"next, of all items, rarely rated ones too: {command} --user-id {shlex.quote(str(found.user))}\n"
        f"  or, with ratings of your own: {command} {ratings}"
    )
