"""Test errors of other libraries on the splits of `accuracy_splits`, their options chosen on the validation set.

    python benchmarks/accuracy_peers.py [SPLIT …] [--peers NAME …] [--seeds 3] [--again] [--results FOLDER] [--work FOLDER]

Each finished pair of split and library is written to accuracy_peers.json in the folder of results at once and is not done
again. Fits use one thread, so that their CPU seconds mean the same on a busy machine.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

from data.accuracy_splits import PUBLISHED_ON_ALL_TRAINING, SPLITS
from harness import machine, results
from harness.measuring import timed
from harness.own_process import apart
from harness.results import Outcome
from measures.contenders import CONTENDERS, Contender, Options
from measures.peer_models import Predict
from refeed.cli.console import results as results_console
from refeed.data.ratings import Ratings
from refeed.data.splits.base import Split
from refeed.errors import RefeedError
from refeed.metrics.intervals import bootstrap_intervals
from refeed.metrics.rating_errors import errors_of, rmse, sums_by_group
from refeed.reports.page import Table
from refeed.reports.terminal import print_table

NAME, RESULTS = "accuracy_peers", Path(__file__).with_name("results")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
NO_PROGRESS_BARS = {"TQDM_DISABLE": "1"}
COLUMNS = ("split", "library", "learns from", "RMSE", "spread", "95% interval", "CPU s", "options")
Record = dict[str, Any]
Predictions = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Fit:
    """One fit of a library.

    Attributes:
        predictions: of the requested ratings, in their order, clipped to the scale.
        seconds: of the clock, for the fit alone.
        cpu_seconds: of all threads, for the fit alone.
    """

    predictions: Predictions
    seconds: float
    cpu_seconds: float


def contend(name: str, split: Split, seeds: int, refit: bool) -> tuple[Record, dict[str, list[Fit]]]:
    """Choose a library's options by validation RMSE with seed 0, then fit with them and predict the test ratings once a seed.

    Args:
        name: of CONTENDERS.
        split: the ratings.
        seeds: number of fits on each set of training ratings.
        refit: whether to fit on train and valid together too.

    Returns:
        the record of the choice, and the fits on "train" (and "train+valid").
    """
    contender = CONTENDERS[name]
    grid = contender.options_for(len(split.train))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other libraries
        errors, seconds = {}, 0.0
        for options in grid:
            tried = fit(contender, split.train, split.valid, options, seed=0)
            seconds, errors[words(options)] = seconds + tried.cpu_seconds, rmse(split.valid.values, tried.predictions)
            print(f"  {name}: {words(options)}: valid {errors[words(options)]:.4f}, {tried.seconds:.0f} s", file=sys.stderr)
        best = min(grid, key=lambda options: errors[words(options)])
        sources = {"train": split.train} | ({"train+valid": split.refitting().train} if refit else {})
        fits = {
            source: [fit(contender, ratings, split.test, best, seed=seed) for seed in range(seeds)]
            for source, ratings in sources.items()
        }
    return {"options": dict(best), "validation": errors, "choosing_cpu_seconds": seconds}, fits


def fit(contender: Contender, train: Ratings, wanted: Ratings, options: Options, *, seed: int) -> Fit:
    """Fit to `train` and predict the ratings `wanted`."""
    began = time.process_time()
    predict: Predict
    seconds, predict = timed(partial(contender.fit, train, threads=1, seed=seed, **options))
    cpu_seconds = time.process_time() - began
    predictions = predict(wanted.row_of_rating.astype(np.int64), np.asarray(wanted.indices, np.int64))
    return Fit(wanted.scale.clip(predictions), seconds, cpu_seconds)


def words(options: Options) -> str:
    """Options as text."""
    return ", ".join(f"{name} {value:g}" for name, value in options.items())


def summary(fits: Iterable[Fit], test: Ratings) -> Record:
    """Error and time of the fits of some seeds; the interval is of their mean squared error, by bootstrap over users."""
    fits = list(fits)
    errors = np.array([errors_of(test.values, fit.predictions) for fit in fits])  # (seeds, P)
    by_user = partial(sums_by_group, test.row_of_rating, num_groups=test.num_users)
    squared, absolute = by_user(values=np.square(errors).mean(axis=0)), by_user(values=np.abs(errors).mean(axis=0))
    interval, _ = bootstrap_intervals(squared, absolute, test.user_counts)
    of_seeds = np.sqrt(np.square(errors).mean(axis=1)).tolist()
    return {
        "rmse": fmean(of_seeds),
        "spread": stdev(of_seeds) if len(of_seeds) > 1 else None,
        "interval": list(interval),
        "rmse_of_seeds": of_seeds,
        "seconds": [fit.seconds for fit in fits],
        "cpu_seconds": [fit.cpu_seconds for fit in fits],
    }


def measure(split_name: str, peer: str, split: Split, *, seeds: int, work: Path | None) -> Record:
    """The record of a library on a split; where it is not installed, only that."""
    contender, known = CONTENDERS[peer], {"split": split.fingerprint}
    if importlib.util.find_spec(contender.module) is None:
        return known | {"not_run": f"{contender.library} is not installed here"}
    refit = split_name in PUBLISHED_ON_ALL_TRAINING
    chosen, fits = apart("peer", contend, peer, split, seeds, refit, threads=1)
    if work is not None:
        keep(fits, work, f"{split_name}-{peer}")
    library = f"{contender.library} {importlib.metadata.version(contender.library)}"
    learnt = {source: summary(of_source, split.test) for source, of_source in fits.items()}
    return known | {"library": library, "about": contender.about, "threads": 1, **chosen, "fits": learnt}


def keep(fits: Mapping[str, list[Fit]], work: Path, stem: str) -> None:
    """Write the test predictions of each seed, float32 in the order of the test ratings."""
    work.mkdir(parents=True, exist_ok=True)
    for source, of_source in fits.items():
        for seed, fit in enumerate(of_source):
            np.save(work / f"{stem}-{source}-{seed}.npy", fit.predictions.astype(np.float32))


def finished(record: Record | None, contender: Contender, split: Split, seeds: int) -> bool:
    """Whether a record is of this very split, of a choice among these options and of at least so many seeds."""
    if record is None or "fits" not in record or record["split"] != split.fingerprint:
        return False
    tried = {words(options) for options in contender.options_for(len(split.train))}
    return set(record["validation"]) == tried and all(
        len(scores["rmse_of_seeds"]) >= seeds for scores in record["fits"].values()
    )


def read(folder: Path) -> dict[str, dict[str, Record]]:
    """The records in a folder of results by split and library; none where the file is not there yet."""
    path = folder / f"{NAME}.json"
    return dict(Outcome.from_json(path.read_text(encoding="utf-8"), where=str(path)).series) if path.is_file() else {}


def add(record: Record, split_name: str, peer: str, folder: Path, described: Mapping[str, Any]) -> None:
    """Write a record into the file beside those that are there by now."""
    records = read(folder)
    records.setdefault(split_name, {})[peer] = record
    results.write(Outcome(NAME, "full", (), described, series=records), folder)


def table(records: Mapping[str, Mapping[str, Record]]) -> Table:
    """The records as rows."""
    rows = [
        row for split, of_split in records.items() for peer, record in of_split.items() for row in _rows(split, peer, record)
    ]
    return Table(COLUMNS, rows, caption="Test errors of other libraries, clipped, one thread", align="lllrrrrl")


def _rows(split: str, peer: str, record: Record) -> list[list[str]]:
    if "fits" not in record:
        return [[split, peer, record["not_run"], "", "", "", "", ""]]
    return [
        [
            split,
            peer,
            source,
            f"{scores['rmse']:.4f}",
            "one seed" if scores["spread"] is None else f"{scores['spread']:.4f}",
            "{:.4f} to {:.4f}".format(*scores["interval"]),
            f"{fmean(scores['cpu_seconds']):.1f}",
            words(record["options"]),
        ]
        for source, scores in record["fits"].items()
    ]


def main(arguments: list[str] | None = None, *, splits: Mapping[str, Callable[[], Split]] = SPLITS) -> int:
    """Measure the requested libraries on the requested of these splits; see the module's docstring."""
    options = _parse(arguments, splits)
    os.environ.update(ONE_THREAD | NO_PROGRESS_BARS)
    try:
        described = machine.describe(threads=1, rounds=1)
        for split_name in options.splits or splits:
            split = splits[split_name]()
            for peer in options.peers:
                known = read(options.results).get(split_name, {}).get(peer)
                if not options.again and finished(known, CONTENDERS[peer], split, options.seeds):
                    continue
                print(f"{split_name}: {peer}", file=sys.stderr, flush=True)
                record = measure(split_name, peer, split, seeds=options.seeds, work=options.work)
                add(record, split_name, peer, options.results, described)
    except RefeedError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print_table(results_console(), table(read(options.results)))
    return 0


def _parse(arguments: list[str] | None, splits: Mapping[str, Callable[[], Split]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="accuracy_peers.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("splits", nargs="*", metavar="SPLIT", help=f"of {', '.join(splits)}; default: all")
    parser.add_argument("--peers", nargs="+", choices=tuple(CONTENDERS), default=tuple(CONTENDERS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3, help="fits of each, with seeds 0, 1, …")
    parser.add_argument("--again", action="store_true", help="do finished ones again")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the outcomes")
    parser.add_argument("--work", type=Path, help="folder to keep the test predictions in; default: not kept")
    options = parser.parse_args(arguments)
    for name in options.splits:
        if name not in splits:
            parser.error(f"there is no split '{name}'; expected {', '.join(splits)}")
    if options.seeds < 1:
        parser.error(f"--seeds: expected at least 1, got {options.seeds}")
    return options


if __name__ == "__main__":
    sys.exit(main())
