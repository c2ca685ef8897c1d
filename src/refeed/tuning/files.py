"""Files of a search: the best settings, all trials, and the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from refeed.data.splits.base import Split
from refeed.errors import StorageError
from refeed.presets import settings_toml
from refeed.reports.page import write_page
from refeed.runs.manifest import Circumstances
from refeed.storage import atomic_file
from refeed.tuning.page import RMSE, require_best, tuning_page
from refeed.tuning.search_spaces import value_text
from refeed.tuning.tune import Tuning

BEST, TRIALS_FILE, PAGE, SEARCH = "best.toml", "trials.csv", "report.html", "search.json"


def require_same_search(folder: Path, search: Mapping[str, Any]) -> None:
    """Record in the folder what is searched, or check that it is the search that was done there before.

    Args:
        folder: of the search.
        search: all that defines the search, as plain JSON values by readable names.

    Raises:
        StorageError: another search was done there, or the folder cannot be written.
    """
    path, search = folder / SEARCH, json.loads(json.dumps(search))
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            other = [name for name in search if before.get(name) != search[name]]
        except (OSError, ValueError, AttributeError) as error:
            raise StorageError(f"{path}: damaged ({error})\n  Delete the folder, or choose another.") from error
        if other:
            raise StorageError(
                f"{folder}: holds another search, with other {', '.join(other)}\n"
                "  Choose another folder with --output, or delete this folder."
            )
        return
    with atomic_file(path) as written:
        written.write_text(json.dumps(search, indent=1), encoding="utf-8")


def write_tuning(tuning: Tuning, folder: Path, *, split: Split, circumstances: Circumstances, following: str) -> None:
    """Write best.toml, trials.csv and report.html into the folder, each atomically and over an earlier one.

    Args:
        tuning: the search.
        folder: of the search.
        split: the ratings.
        circumstances: of the search.
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
    """Write the settings of the best trial as a file for `refeed train --config`.

    Raises:
        TrainingError: all trials failed.
    """
    best = require_best(tuning)
    assert best.outcome is not None  # of a trial that did not fail
    run = best.outcome.run
    chosen = f"trial {best.number} of {len(tuning.trials)}, {RMSE} {best.rmse:.4f}, seed {run.seed}"
    return f"# refeed tune: {run.spec.kind}, {chosen}\n{settings_toml(run.spec, run.options)}"


def trials_csv(tuning: Tuning) -> str:
    """Write a row per trial, in the order of their numbers; the columns after `problem` are the varied options."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["trial", "valid_rmse", "best_epoch", "epochs", "seconds", "parameters", "fingerprint", "problem", *tuning.space]
    )
    for trial in tuning.trials:
        values = [value_text(trial.values[name]) for name in tuning.space]
        known = ["", "", "", "", ""]
        if (run := trial.outcome) is not None:
            known = [str(run.best_epoch), str(len(run.log)), f"{run.seconds:.3f}", str(run.parameters), run.folder.name]
        writer.writerow([trial.number, "" if trial.rmse is None else trial.rmse, *known, trial.problem, *values])
    return text.getvalue()
