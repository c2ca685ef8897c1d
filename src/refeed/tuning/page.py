"""A search in tables, and as one HTML page."""

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
SHOWN = 4.0  # times the distance from the best to the middle trial: errors farther off are cut from the axis of figures
STOPPED: dict[Stopped, str] = {
    "time": "the time was over",
    "exhausted": "nothing new was left to try",
    "interrupted": "interrupted",
}
CAUTION = (
    "The error of the best of many trials is a little too good, since it was chosen by the same ratings; the test part, which "
    "no trial has read, gives the honest one (refeed evaluate)."
)


def trial_table(tuning: Tuning, *, most: int | None = None) -> Table:
    """A row a trial with the options that were varied, the best first and those that failed last.

    Args:
        tuning: the search.
        most: rows at most, the one that the search started from among them; None has all.
    """
    failed = [one for one in tuning.trials if one.rmse is None]
    ordered = [*tuning.ranked, *failed]
    shown = ordered[:most]
    start = tuning.trials[0]
    if start not in shown:
        shown = [*shown[:-1], start]
    caption = (
        f"{_count(len(shown))} of {len(ordered)}, the best first" if len(shown) < len(ordered) else "All trials, the best first"
    )
    columns = ["trial", RMSE, "best epoch", "seconds", *tuning.space]
    rows = [_row(one, tuning) for one in shown]
    return Table(columns, rows, caption=f"{caption}; trial 0 is where the search began", align="l" + "r" * (len(columns) - 1))


def importance_table(tuning: Tuning) -> Table:
    """How much each option mattered."""
    rows = [[name, f"{share:.0%}"] for name, share in tuning.importances.items()]
    caption = (
        f"Share of what tells the best trials from the others (PED-ANOVA over {len(tuning.ranked)} trials: a hint, no proof)"
    )
    return Table(["option", "share"], rows, caption=caption, align="lr")


def tuning_page(tuning: Tuning, *, split: Split, circumstances: Circumstances, following: str) -> Page:
    """The whole report.

    Args:
        tuning: the search, with a trial at least that did not fail.
        split: the ratings.
        circumstances: how it came about.
        following: the command that trains with them.

    Raises:
        ConfigError: the `report` extra is not installed.
        TrainingError: all trials failed.
    """
    best = require_best(tuning)
    sections = [
        Section("At a glance", _summary(tuning, best), [_facts(tuning, best), _settings(tuning, best), Code(following)]),
        Section("The search", "", [_course(tuning).block(), _options(tuning).block(), *_importances(tuning)]),
        Section("The best beside the start", "", [_curves(tuning, best).block()]),
        Section("All trials", "", [trial_table(tuning)]),
        _made(tuning, split, circumstances),
    ]
    spec = _outcome(best).run.spec
    footer = f"refeed {__version__} · split {split.fingerprint} · {machine_text()}"
    return Page(f"Tuning on {circumstances.source}: {spec.title}", _title(tuning), sections, footer)


def require_best(tuning: Tuning) -> Trial:
    """The best trial.

    Raises:
        TrainingError: there is none; the message has the reason that the first trial failed for.
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
        return [name, "cannot be", None, None, *values]
    error: Cell = "diverged" if trial.rmse is None else trial.rmse
    return [name, error, trial.outcome.best_epoch or None, f"{trial.outcome.seconds:,.0f}", *values]


def _title(tuning: Tuning) -> str:
    return f"{_count(len(tuning.trials))}, chosen on the validation part alone"


def _count(number: int) -> str:
    return f"{number} {'trial' if number == 1 else 'trials'}"


def _summary(tuning: Tuning, best: Trial) -> str:
    start = tuning.trials[0].rmse
    if best.number == 0:
        found = "No trial was better than the settings that the search began with."
    elif start is None:
        found = f"Trial {best.number} is the best; the settings that the search began with failed ({tuning.trials[0].problem})."
    else:
        found = f"Trial {best.number} is the best: its {RMSE} is {best.rmse:.4f}, that of the start {start:.4f}."
    ended = f" The search ended early: {STOPPED[tuning.stopped]}." if tuning.stopped else ""
    return f"{found}{ended}\n\n{CAUTION}"


def _facts(tuning: Tuning, best: Trial) -> Facts:
    start, failed = tuning.trials[0].rmse, sum(one.rmse is None for one in tuning.trials)
    seconds = sum(one.outcome.seconds for one in tuning.trials if one.outcome is not None)
    return Facts(
        [
            (f"{RMSE}, start", start),
            (f"{RMSE}, best", best.rmse),
            ("difference", None if start is None or best.rmse is None else f"{best.rmse - start:+.4f}"),
            ("trials", len(tuning.trials)),
            ("of them failed", failed),
            ("minutes of training", f"{seconds / 60:.1f}"),
        ]
    )


def _settings(tuning: Tuning, best: Trial) -> Table:
    """What was varied: over which values, from where, and to where."""
    start = tuning.trials[0]
    rows: list[list[Cell]] = [
        [name, str(choice), value_text(start.values[name]), value_text(best.values[name])]
        for name, choice in tuning.space.items()
    ]
    return Table(
        ["option", "varied over", "start", "best"],
        rows,
        caption="What was varied; all other options are as they were",
        align="llrr",
    )


def _limits(tuning: Tuning) -> tuple[float, float]:
    """The part of the error axis where most trials are."""
    errors = np.array([one.rmse for one in tuning.ranked], np.float64)
    reach = max(SHOWN * (float(np.median(errors)) - errors[0]), 1e-3)
    high = float(errors[errors <= errors[0] + reach].max())
    margin = 0.06 * max(high - errors[0], 1e-3)
    return float(errors[0]) - margin, high + margin


def _course(tuning: Tuning) -> Illustration:
    """The error of each trial, and the best so far."""
    done = [one for one in tuning.trials if one.rmse is not None]
    numbers = np.array([one.number for one in done])
    errors = np.array([one.rmse for one in done], np.float64)
    best = np.minimum.accumulate(errors)
    drawing = line_chart(
        {"each trial": (numbers, errors), "best so far": (numbers, best)},
        x_label="trial",
        y_label=RMSE,
        y_limits=_limits(tuning),
    )
    caption = "Validation RMSE of each trial, and the best so far; what is far off is cut"
    return Illustration("trials", drawing, caption, f"Best so far: {errors[0]:.4f} at first, {best[-1]:.4f} at the end")


def _options(tuning: Tuning) -> Illustration:
    """The error against the value of each option."""
    done = tuning.ranked
    panels = [_panel(name, choice, done) for name, choice in tuning.space.items()]
    drawing = scatter_panels(panels, [one.rmse or 0.0 for one in done], y_label=RMSE, y_limits=_limits(tuning), best=0)
    caption = "Each dot a trial, against the options that were varied; dark: the best; triangles: farther up"
    told = ", ".join(f"{name} {value_text(value)}" for name, value in done[0].values.items())
    return Illustration("options", drawing, caption, f"The best trial has {told}")


def _panel(name: str, choice: Range, trials: Sequence[Trial]) -> Panel:
    values = [one.values[name] for one in trials]
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
    told = "; ".join(f"{name} {share:.0f}%" for name, share in zip(names, shares, strict=True))
    return [Figure(drawing.svg(), importance_table(tuning).caption, told)]


def _outcome(trial: Trial) -> Outcome:
    assert trial.outcome is not None  # of a trial that did not fail
    return trial.outcome


def _curves(tuning: Tuning, best: Trial) -> Illustration:
    """Training and validation by epoch, of the best and of the start."""
    shown = {f"best (trial {best.number})": _outcome(best).log}
    start = tuning.trials[0]
    if start.rmse is not None and start is not best:
        shown["start"] = _outcome(start).log
    series, variants = {}, {}
    for name, log in shown.items():
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
    told = "; ".join(f"{name}: best epoch {_outcome(one).best_epoch}" for name, one in zip(shown, (best, start), strict=False))
    return Illustration("epochs", drawing, "RMSE by epoch; the model of the best validation epoch is kept", told)


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
        f"Begun on {circumstances.began:%Y-%m-%d at %H:%M %Z}; this call took {circumstances.seconds / 60:.1f} minutes on "
        f"{machine_text()}. Split: {rule}.\n\nBeside this file: trials.csv (a row a trial) and best.toml."
    )
    return Section("How it was made", text, [facts, Code(circumstances.command)])
