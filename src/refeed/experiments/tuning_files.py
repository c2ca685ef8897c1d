"""What a search leaves for people: the best settings, all trials, and the page."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from refeed.data.split_assembly import Split
from refeed.experiments.manifest import Circumstances
from refeed.experiments.presets import settings_toml
from refeed.experiments.search_spaces import value_text
from refeed.experiments.tuning import Tuning
from refeed.experiments.tuning_page import RMSE, require_best, tuning_page
from refeed.reports.page import write_page
from refeed.storage import atomic_file

BEST, TRIALS_FILE, PAGE = "best.toml", "trials.csv", "report.html"


def write_tuning(tuning: Tuning, folder: Path, *, split: Split, circumstances: Circumstances, following: str) -> None:
    """Write best.toml, trials.csv and report.html into the folder, each in one step and over an earlier one.

    Args:
        tuning: the search.
        folder: where.
        split: the ratings.
        circumstances: how it came about.
        following: the command that trains with the best settings.

    Raises:
        ConfigError: the `report` extra is not installed.
        StorageError: a file cannot be written.
        TrainingError: all trials failed; only trials.csv is written.
    """
    with atomic_file(folder / TRIALS_FILE, overwrite=True) as path:
        path.write_text(trials_csv(tuning), encoding="utf-8")
    settings = best_settings(tuning)
    with atomic_file(folder / BEST, overwrite=True) as path:
        path.write_text(settings, encoding="utf-8")
    page = tuning_page(tuning, split=split, circumstances=circumstances, following=following)
    write_page(page, folder / PAGE, overwrite=True)


def best_settings(tuning: Tuning) -> str:
    """The settings of the best trial as a file for `refeed train --config`.

    Raises:
        TrainingError: all trials failed.
    """
    best = require_best(tuning)
    assert best.outcome is not None  # of a trial that did not fail
    run = best.outcome.run
    chosen = f"trial {best.number} of {len(tuning.trials)}, {RMSE} {best.rmse:.4f}, seed {run.seed}"
    return f"# refeed tune: {run.spec.kind}, {chosen}\n{settings_toml(run.spec, run.options)}"


def trials_csv(tuning: Tuning) -> str:
    """A row a trial, in the order of their numbers; the columns after `problem` are the options that were varied."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["trial", "valid_rmse", "best_epoch", "epochs", "seconds", "parameters", "fingerprint", "problem", *tuning.space]
    )
    for trial in tuning.trials:
        values = [value_text(trial.values[name]) for name in tuning.space]
        one = trial.outcome
        known = ["", "", "", "", ""]
        if one is not None:
            known = [str(one.best_epoch), str(len(one.log)), f"{one.seconds:.3f}", str(one.parameters), one.folder.name]
        writer.writerow([trial.number, "" if trial.rmse is None else trial.rmse, *known, trial.problem, *values])
    return text.getvalue()
