"""What an experiment is: a grid of runs, what they are to show, and what the paper shows."""

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
"""A number of every epoch; training RMSE is taken while training (dropout on), validation RMSE after the epoch."""

Measure = Literal["final_train", "final_valid", "best_valid"]
"""A number of a whole run: RMSE after the last epoch, or at the best epoch on the validation part."""


@dataclass(frozen=True)
class Published:
    """A number of the paper.

    Attributes:
        value: RMSE on its data.
        read_off: whether it was read off a figure (to within 0.002), and not printed.
    """

    value: float
    read_off: bool = False


@dataclass(frozen=True)
class Line:
    """One setting of an experiment: a line of its figure and a row of its table.

    Attributes:
        label: for people.
        runs: one for each seed.
        x: its place on the horizontal axis where the table is a figure over a number (width, layers); None otherwise.
        published: the paper's numbers of it.
        control_of: for a control, which the paper lacks: label of the line that it is to be compared with.
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
        name: as the command line has it.
        title: of its section and figure.
        question: that it answers.
        finding: what the paper shows.
        protocol: what is trained and what is compared, a sentence or two.
        controls: what the runs show that the paper lacks.
        measures: the numbers in its table; the first is the one that the lines are compared by.
        curves: what is drawn over the epochs.
        x_label: of the horizontal axis of a figure over `Line.x`; empty where there is none.
        grid: the lines for a scale and seeds.
    """

    name: str
    title: str
    question: str
    finding: str
    protocol: str
    controls: str
    measures: tuple[Measure, ...]
    curves: tuple[Curve, ...]
    grid: Callable[[Scale, Sequence[int]], list[Line]]
    x_label: str = ""


@dataclass(frozen=True)
class LineResult:
    """A line with what came of its runs, in the order of `line.runs`."""

    line: Line
    outcomes: tuple[Outcome, ...]

    def values(self, measure: Measure) -> tuple[float, ...]:
        """The measure of each run that did not diverge."""
        values = (measured(outcome, measure) for outcome in self.outcomes)
        return tuple(value for value in values if value is not None)


@dataclass(frozen=True)
class ExperimentResult:
    """An experiment with what came of it, line by line."""

    experiment: Experiment
    scale: Scale
    lines: tuple[LineResult, ...]


def line(
    experiment: str,
    label: str,
    spec: Spec,
    options: TrainingOptions,
    seeds: Iterable[int],
    *,
    x: float | None = None,
    published: Mapping[Measure, Published] | None = None,
    control_of: str | None = None,
) -> Line:
    """A line whose runs are the same but for the seed."""
    runs = tuple(Run(f"{experiment}/{label}/{seed}", spec, options, seed) for seed in seeds)
    return Line(label, runs, x=x, published=published or {}, control_of=control_of)


def measured(outcome: Outcome, measure: Measure) -> float | None:
    """A number of a run; None where it diverged (a net that blew up has no final RMSE)."""
    if outcome.status == "diverged" or not outcome.log:
        return None
    key: Curve = "train_rmse" if measure == "final_train" else "valid_rmse"
    value = outcome.valid_rmse if measure == "best_valid" else outcome.log[-1][key]
    return None if value is None or not math.isfinite(value) else float(value)


def results_of(experiment: Experiment, scale: Scale, lines: Sequence[Line], outcomes: Sequence[Outcome]) -> ExperimentResult:
    """The result from the outcomes of all runs of all lines, in order."""
    left = iter(outcomes)
    return ExperimentResult(experiment, scale, tuple(LineResult(one, tuple(next(left) for _ in one.runs)) for one in lines))
