"""Results of benchmarks as plain JSON: figures with their goals, the machine, and series for the pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from refeed.errors import DataError
from refeed.storage import atomic_file

FORMAT, VERSION = "refeed-benchmark", 1


@dataclass(frozen=True)
class Spread:
    """A measured quantity over several rounds.

    Attributes:
        median: of the rounds.
        low: their lower quartile.
        high: their upper quartile.
        rounds: how many there were; with one all three are the same.
    """

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Median and quartiles of at least one value."""
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(low), float(high), len(values))

    @classmethod
    def of_ratio(cls, above: list[float], below: list[float]) -> Spread:
        """Of `above` over `below`, round by round, so that what slowed both sides of a round cancels."""
        return cls.of([numerator / denominator for numerator, denominator in zip(above, below, strict=True)])


@dataclass(frozen=True)
class Figure:
    """A measured figure and its goal.

    Attributes:
        name: what was measured, in words.
        unit: "times", "s", "GB" (10^9 bytes), "users/s", "%", "ms", …
        measured: over the rounds.
        goal: the bound to keep, None for a figure that only informs.
        better: whether the figure should be "above" the goal or "below" it.
        aim: a further bound that would be welcome, or None.
    """

    name: str
    unit: str
    measured: Spread
    goal: float | None = None
    better: Literal["above", "below"] = "above"
    aim: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.measured.median >= self.goal if self.better == "above" else self.measured.median <= self.goal


@dataclass(frozen=True)
class Outcome:
    """The result of a benchmark, and the circumstances.

    Attributes:
        benchmark: its name in `suite.BENCHMARKS`.
        size: "full" or "small".
        figures: in the order of the table.
        machine: what it ran on, as `machine.describe` returns it.
        others: CPUs that other programs took while it ran, on average; figures of a busy machine are too low.
        series: numbers for the pictures, by name.
        remarks: what a reader has to know, a sentence each.
    """

    benchmark: str
    size: str
    figures: tuple[Figure, ...]
    machine: Mapping[str, Any]
    others: float = 0.0
    series: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure:
        """The figure of this name; KeyError where there is none."""
        return {figure.name: figure for figure in self.figures}[name]

    def to_json(self) -> str:
        """The outcome as JSON; whether a goal is met is written too, for readers of the file."""
        values = {"format": FORMAT, "version": VERSION, **asdict(self)}
        for figure, written in zip(self.figures, values["figures"], strict=True):
            written["met"] = figure.met
        return json.dumps(_rounded(values), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Outcome:
        """The outcome that `to_json` wrote.

        Raises:
            DataError: the text is not of that form.
        """
        try:
            values = json.loads(text)
            if (values.pop("format"), values.pop("version")) != (FORMAT, VERSION):
                raise ValueError(f"expected the format {FORMAT}, version {VERSION}")
            values["figures"] = tuple(_figure(written) for written in values["figures"])
            values["remarks"] = tuple(values["remarks"])
            return cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"not the outcome of a benchmark ({error})", path=where, fix="Run the benchmark again.") from error


def write(outcome: Outcome, folder: Path) -> Path:
    """Write an outcome as NAME.json into a folder, replacing an older file."""
    path = folder / f"{outcome.benchmark}.json"
    with atomic_file(path, overwrite=True) as unfinished:
        unfinished.write_text(outcome.to_json(), encoding="utf-8")
    return path


def read_all(folder: Path) -> list[Outcome]:
    """The outcomes in a folder, by name.

    Raises:
        DataError: a file there is not an outcome.
    """
    return [Outcome.from_json(path.read_text(encoding="utf-8"), where=str(path)) for path in sorted(folder.glob("*.json"))]


def _figure(written: dict[str, Any]) -> Figure:
    values = {key: value for key, value in written.items() if key != "met"}
    return Figure(**{**values, "measured": Spread(**values["measured"])})


def _rounded(value: Any) -> Any:
    """The value with every float rounded to 5 significant digits, below which measurements are noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else value
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return value
