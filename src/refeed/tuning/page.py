"""Report of a search: tables, and an HTML page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from refeed.data.splits.base import Split
from refeed.data.splits.registry import split_to_dict
from refeed.errors import TrainingError
from refeed.reports.figures import bar_chart, line_chart
from refeed.reports.illustration import Illustration
from refeed.reports.page import Block, Cell, Code, Facts, Figure, Page, Section, Table
from refeed.reports.scatter import Panel, scatter_panels
from refeed.runs.manifest import Circumstances, machine_text
from refeed.runs.run import Outcome
from refeed.tuning.search import Trial
from refeed.tuning.search_spaces import Between, Range, value_text
from refeed.tuning.tune import Stopped, Tuning
from refeed.version import __version__

RMSE = "validation RMSE"
SHOWN = 4.0  # times the distance from the best to the median error: figures are cut there
STOPPED: dict[Stopped, str] = {
    "time": "the time was over",
    "exhausted": "no new settings were left to try",
    "interrupted": "interrupted",
}
CAUTION = (
    "The validation error of the best trial is a little too good, since it was chosen by it; the test set, which no trial has "
    "read, gives an unbiased one (refeed evaluate)."
)


def trial_table(tuning: Tuning, *, most: int | None = None) -> Table:
    """Tabulate the trials with their varied options, the best first and failed ones last.

    Args:
        tuning: the search.
        most: number of rows at most, trial 0 among them; default: all.
    """
    failed = [trial for trial in tuning.trials if trial.rmse is None]
    ordered = [*tuning.ranked, *failed]
    shown = ordered[:most]
    start = tuning.trials[0]
    if start not in shown:
        shown = [*shown[:-1], start]
    caption = (
        f"{_count(len(shown))} of {len(ordered)}, the best first" if len(shown) < len(ordered) else "All trials, the best first"
    )
    columns = ["trial", RMSE, "best epoch", "seconds", *tuning.space]
    rows = [_row(trial, tuning) for trial in shown]
    return Table(
        columns, rows, caption=f"{caption}; trial 0 has the settings to start from", align="l" + "r" * (len(columns) - 1)
    )


def importance_table(tuning: Tuning) -> Table:
    """Tabulate the importances of the options."""
    rows = [[name, f"{share:.0%}"] for name, share in tuning.importances.items()]
    caption = (
        f"Importance for being among the best trials (PED-ANOVA over {len(tuning.ranked)} trials: an indication, no proof)"
    )
    return Table(["option", "share"], rows, caption=caption, align="lr")


def tuning_page(tuning: Tuning, *, split: Split, circumstances: Circumstances, following: str) -> Page:
    """Build the report.

    Args:
        tuning: the search, with at least one trial that did not fail.
        split: the ratings.
        circumstances: of the search.
        following: the command that trains with the best settings.

    Raises:
        ConfigError: the `report` extra is not installed.
        TrainingError: all trials failed.
    """
    best = require_best(tuning)
    sections = [
        Section("At a glance", _summary(tuning, best), [_facts(tuning, best), _settings(tuning, best), Code(following)]),
        Section("The search", "", [_course(tuning).block(), _options(tuning).block(), *_importances(tuning)]),
        Section("The best trial and the start", "", [_curves(tuning, best).block()]),
        Section("All trials", "", [trial_table(tuning)]),
        _made(tuning, split, circumstances),
    ]
    spec = _outcome(best).run.spec
    footer = f"refeed {__version__} · split {split.fingerprint} · {machine_text()}"
    return Page(f"Tuning on {circumstances.source}: {spec.title}", _title(tuning), sections, footer)


def require_best(tuning: Tuning) -> Trial:
    """Return the best trial.

    Raises:
        TrainingError: there is none; the message says why the first trial failed.
    """
    if tuning.best is not None:
        return tuning.best
    if not tuning.trials:
        raise TrainingError(f"tune: no trial was done ({STOPPED[tuning.stopped]}); give it more time")
    first = tuning.trials[0]
    raise TrainingError(
        f"tune: all {len(tuning.trials)} trials failed, the first because: {first.problem}\n"
        "  Start from other settings (--set learning_rate=…), or vary other options (--vary)."
    )


def _row(trial: Trial, tuning: Tuning) -> list[Cell]:
    name = f"{trial.number} (start)" if trial.number == 0 else str(trial.number)
    values: list[Cell] = [value_text(trial.values[option]) for option in tuning.space]
    if trial.outcome is None:
        return [name, "not possible", None, None, *values]
    error: Cell = "diverged" if trial.rmse is None else trial.rmse
    return [name, error, trial.outcome.best_epoch or None, f"{trial.outcome.seconds:,.0f}", *values]


def _title(tuning: Tuning) -> str:
    return f"{_count(len(tuning.trials))}, chosen on the validation set alone"


def _count(number: int) -> str:
    return f"{number} {'trial' if number == 1 else 'trials'}"


def _summary(tuning: Tuning, best: Trial) -> str:
    start = tuning.trials[0].rmse
    if best.number == 0:
        found = "No trial was better than the settings to start from."
    elif start is None:
        found = f"Trial {best.number} is the best; the settings to start from failed ({tuning.trials[0].problem})."
    else:
        found = f"Trial {best.number} is the best: its {RMSE} is {best.rmse:.4f}, that of the start {start:.4f}."
    ended = f" The search ended early: {STOPPED[tuning.stopped]}." if tuning.stopped else ""
    return f"{found}{ended}\n\n{CAUTION}"


def _facts(tuning: Tuning, best: Trial) -> Facts:
    start, failed = tuning.trials[0].rmse, sum(trial.rmse is None for trial in tuning.trials)
    seconds = sum(trial.outcome.seconds for trial in tuning.trials if trial.outcome is not None)
    return Facts(
        [
            (f"{RMSE}, start", start),
            (f"{RMSE}, best", best.rmse),
            ("difference", None if start is None or best.rmse is None else f"{best.rmse - start:+.4f}"),
            ("trials", len(tuning.trials)),
            ("failed trials", failed),
            ("minutes of training", f"{seconds / 60:.1f}"),
        ]
    )


def _settings(tuning: Tuning, best: Trial) -> Table:
    """The varied options with their ranges, their values at the start and the best ones."""
    start = tuning.trials[0]
    rows: list[list[Cell]] = [
        [name, str(choice), value_text(start.values[name]), value_text(best.values[name])]
        for name, choice in tuning.space.items()
    ]
    return Table(
        ["option", "values", "start", "best"],
        rows,
        caption="The varied options; all others have the values of the start",
        align="llrr",
    )


def _limits(tuning: Tuning) -> tuple[float, float]:
    """Limits of the error axis, which leave out errors far above the median."""
    errors = np.array([trial.rmse for trial in tuning.ranked], np.float64)
    reach = max(SHOWN * (float(np.median(errors)) - errors[0]), 1e-3)
    high = float(errors[errors <= errors[0] + reach].max())
    margin = 0.06 * max(high - errors[0], 1e-3)
    return float(errors[0]) - margin, high + margin


def _course(tuning: Tuning) -> Illustration:
    """The error of each trial, and the best so far."""
    done = [trial for trial in tuning.trials if trial.rmse is not None]
    numbers = np.array([trial.number for trial in done])
    errors = np.array([trial.rmse for trial in done], np.float64)
    best = np.minimum.accumulate(errors)
    drawing = line_chart(
        {"each trial": (numbers, errors), "best so far": (numbers, best)},
        x_label="trial",
        y_label=RMSE,
        y_limits=_limits(tuning),
    )
    caption = "Validation RMSE of each trial, and the best so far; the axis is cut far above the median"
    return Illustration("trials", drawing, caption, f"Best so far: {errors[0]:.4f} at first, {best[-1]:.4f} at the end")


def _options(tuning: Tuning) -> Illustration:
    """The error against the value of each option."""
    done = tuning.ranked
    panels = [_panel(name, choice, done) for name, choice in tuning.space.items()]
    drawing = scatter_panels(panels, [trial.rmse or 0.0 for trial in done], y_label=RMSE, y_limits=_limits(tuning), best=0)
    caption = "A dot for each trial, against the varied options; dark: the best; triangles: above the axis"
    best = ", ".join(f"{name} {value_text(value)}" for name, value in done[0].values.items())
    return Illustration("options", drawing, caption, f"The best trial has {best}")


def _panel(name: str, choice: Range, trials: Sequence[Trial]) -> Panel:
    values = [trial.values[name] for trial in trials]
    if isinstance(choice, Between):
        return Panel(name, values, log=choice.log)
    names = list(map(value_text, choice.choices))
    known = [value_text(value) for value in values]
    names += sorted(set(known) - set(names))  # the start may lie outside
    return Panel(name, [names.index(value) for value in known], names=names)


def _importances(tuning: Tuning) -> list[Block]:
    if not tuning.importances:
        return []
    names, shares = list(tuning.importances), [100 * share for share in tuning.importances.values()]
    drawing = bar_chart(names, shares, value_label="share, %", value_format=".0f")
    alt = "; ".join(f"{name} {share:.0f}%" for name, share in zip(names, shares, strict=True))
    return [Figure(drawing.svg(), importance_table(tuning).caption, alt)]


def _outcome(trial: Trial) -> Outcome:
    assert trial.outcome is not None  # of a trial that did not fail
    return trial.outcome


def _curves(tuning: Tuning, best: Trial) -> Illustration:
    """Training and validation error by epoch, of the best trial and of the start."""
    shown = {f"best (trial {best.number})": _outcome(best)}
    start = tuning.trials[0]
    if start.rmse is not None and start is not best:
        shown["start"] = _outcome(start)
    series, variants = {}, {}
    for name, outcome in shown.items():
        log = outcome.log
        epochs = np.array([record["epoch"] for record in log])
        for curve, key in (("validation", "valid_rmse"), ("training", "train_rmse")):
            series[f"{name}, {curve}"] = (epochs, np.array([record[key] for record in log], np.float64))
        variants[f"{name}, training"] = f"{name}, validation"
    settled = np.concatenate([values[len(values) // 8 :] for _, values in series.values()])
    margin = 0.06 * max(float(np.ptp(settled)), 1e-3)
    drawing = line_chart(
        series,
        x_label="epoch",
        y_label="RMSE",
        variants=variants,
        y_limits=(float(settled.min()) - margin, float(settled.max()) + margin),
    )
    alt = "; ".join(f"{name}: best epoch {outcome.best_epoch}" for name, outcome in shown.items())
    return Illustration("epochs", drawing, "RMSE by epoch; the model of the best validation epoch is kept", alt)


def _made(tuning: Tuning, split: Split, circumstances: Circumstances) -> Section:
    facts = Facts(
        [
            ("users", split.train.num_users),
            ("items", split.train.num_items),
            ("training ratings", len(split.train)),
            ("validation ratings", len(split.valid)),
            ("trials at a time", circumstances.workers),
            ("threads in all", circumstances.threads),
            ("seed", tuning.seed),
        ]
    )
    rule = ", ".join(f"{name} {value_text(value)}" for name, value in split_to_dict(split.splitter).items())
    text = (
        f"Started on {circumstances.began:%Y-%m-%d at %H:%M %Z}; this call took {circumstances.seconds / 60:.1f} minutes on "
        f"{machine_text()}. Split: {rule}.\n\nBeside this file: trials.csv (a row per trial) and best.toml."
    )
    return Section("How it was made", text, [facts, Code(circumstances.command)])
