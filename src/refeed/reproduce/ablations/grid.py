"""An experiment of the paper as a grid of settings, and its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from refeed.models import Spec
from refeed.optim.options import TrainingOptions
from refeed.reproduce.scales import Scale
from refeed.runs.run import Outcome, Run

Curve = Literal["train_rmse", "valid_rmse"]
"""A value per epoch; training RMSE is taken during the epoch (with dropout), validation RMSE after it."""

Measure = Literal["final_train", "final_valid", "best_valid"]
"""A value per run: RMSE after the last epoch, or at the epoch with the lowest validation RMSE."""


@dataclass(frozen=True)
class Published:
    """A number of the paper.

    Attributes:
        value: RMSE on its data.
        read_off: whether it was read off a figure (to within 0.002) rather than printed.
    """

    value: float
    read_off: bool = False


@dataclass(frozen=True)
class Setting:
    """One configuration of an experiment: a curve of its figure and a row of its table.

    Attributes:
        label: its name in tables and figures.
        runs: one for each seed.
        x: the number that the experiment varies (width, layers, dropout); None where it varies something else.
        published: the paper's results for it.
        control_of: for a control, which the paper lacks: label of the setting that it is compared with.
    """

    label: str
    runs: tuple[Run, ...]
    x: float | None = None
    published: Mapping[Measure, Published] = field(default_factory=dict)
    control_of: str | None = None

    @property
    def is_control(self) -> bool:
        """Whether the paper lacks it."""
        return self.control_of is not None


@dataclass(frozen=True)
class Experiment:
    """A figure or table of the paper.

    Attributes:
        name: its name on the command line.
        title: of its section and figures.
        question: the question that it answers.
        finding: what the paper found.
        protocol: what is trained and what is compared, in a sentence or two.
        controls: what the controls, which the paper lacks, are for; empty without controls.
        measures: the columns of its table, the main one first.
        curves: what is drawn over the epochs.
        grid: the settings for a scale and seeds.
    """

    name: str
    title: str
    question: str
    finding: str
    protocol: str
    controls: str
    measures: tuple[Measure, ...]
    curves: tuple[Curve, ...]
    grid: Callable[[Scale, Sequence[int]], list[Setting]]


@dataclass(frozen=True)
class SettingResult:
    """A setting with the outcomes of its runs, in the order of `setting.runs`."""

    setting: Setting
    outcomes: tuple[Outcome, ...]

    def values(self, measure: Measure) -> tuple[float, ...]:
        """The measure of each run that did not diverge."""
        values = (measured(outcome, measure) for outcome in self.outcomes)
        return tuple(value for value in values if value is not None)


@dataclass(frozen=True)
class ExperimentResult:
    """An experiment with the results of its settings, the rows of its table."""

    experiment: Experiment
    rows: tuple[SettingResult, ...]


def setting(
    experiment: str,
    label: str,
    spec: Spec,
    options: TrainingOptions,
    seeds: Iterable[int],
    *,
    x: float | None = None,
    published: Mapping[Measure, Published] | None = None,
    control_of: str | None = None,
) -> Setting:
    """A setting whose runs differ in their seed alone."""
    runs = tuple(Run(f"{experiment}/{label}/{seed}", spec, options, seed) for seed in seeds)
    return Setting(label, runs, x=x, published=published or {}, control_of=control_of)


def measured(outcome: Outcome, measure: Measure) -> float | None:
    """The measure of a run; None where the run diverged, which leaves no meaningful RMSE."""
    if outcome.status == "diverged" or not outcome.log:
        return None
    key: Curve = "train_rmse" if measure == "final_train" else "valid_rmse"
    value = outcome.valid_rmse if measure == "best_valid" else outcome.log[-1][key]
    return None if value is None or not math.isfinite(value) else float(value)


def results_of(experiment: Experiment, settings: Sequence[Setting], outcomes: Iterable[Outcome]) -> ExperimentResult:
    """The result of an experiment from the outcomes of all runs of its settings, in order."""
    remaining = iter(outcomes)
    rows = (SettingResult(setting, tuple(next(remaining) for _ in setting.runs)) for setting in settings)
    return ExperimentResult(experiment, tuple(rows))
