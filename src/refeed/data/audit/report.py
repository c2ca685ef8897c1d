"""The result of an audit: facts, possible splits and findings, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from refeed.config import to_dict

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class FlawedRows:
    """Rows with one kind of flaw.

    Attributes:
        count: how many.
        first: where the first one stands ("line 7" or "row 6"), or None.
    """

    count: int
    first: str | None


@dataclass(frozen=True)
class Bin:
    """The number of ratings from `low` to `high`; both are the same where single values are counted."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class ValueFacts:
    """The ratings' values.

    Attributes:
        minimum: the smallest finite one, or None.
        maximum: the largest finite one, or None.
        distinct: how many different finite ones.
        step: the gap that all values are multiples of (from the smallest on), or None.
        mean: of the finite ones, or None.
        histogram: each value's count, or at most 20 bins.
        declared: the declared scale, or None.
        absent: empty or NaN ones.
        infinite: infinite ones, or too large for 32-bit floats.
        outside: those outside the declared scale.
    """

    minimum: float | None
    maximum: float | None
    distinct: int
    step: float | None
    mean: float | None
    histogram: tuple[Bin, ...]
    declared: tuple[float, float] | None
    absent: FlawedRows
    infinite: FlawedRows
    outside: FlawedRows


@dataclass(frozen=True)
class Counts:
    """How many ratings users (or items) have: quantiles, the mean, and how many have a single one."""

    minimum: int
    quarter: float
    median: float
    three_quarters: float
    nine_tenths: float
    maximum: int
    mean: float
    single: int


@dataclass(frozen=True)
class TimeFacts:
    """The ratings' times.

    Attributes:
        first: the earliest, ISO, UTC.
        last: the latest, ISO, UTC.
        note: how the source's times were read.
        distinct: number of different seconds.
        tied_share: share of the ratings whose user gave another one in the same second, 0 to 1.
        in_future: those later than the present.
        before_1990: those before 1990, which are suspicious.
    """

    first: str
    last: str
    note: str
    distinct: int
    tied_share: float
    in_future: FlawedRows
    before_1990: FlawedRows


@dataclass(frozen=True)
class Facts:
    """What the source holds.

    Attributes:
        rows: number of ratings.
        users: number of users.
        items: number of items.
        density: share of the user-item pairs that are rated, 0 to 1.
        values: the ratings' values.
        ratings_per_user: their distribution over users.
        ratings_per_item: their distribution over items.
        repeated_rows: rows whose user rated the item in another row before.
        conflicting_pairs: user-item pairs that occur with different values.
        times: the ratings' times, or None.
        labels: names of the labels, by column.
    """

    rows: int
    users: int
    items: int
    density: float
    values: ValueFacts
    ratings_per_user: Counts
    ratings_per_item: Counts
    repeated_rows: int
    conflicting_pairs: int
    times: TimeFacts | None
    labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SplitCheck:
    """Whether the ratings allow a way of splitting, and why."""

    name: Literal["random", "time within each user", "one time for all", "column"]
    possible: bool
    why: str


@dataclass(frozen=True)
class Finding:
    """Something to know about the ratings: an "error" stops `read_ratings`, a "warning" deserves a look."""

    level: Level
    text: str
    fix: str


@dataclass(frozen=True)
class Audit:
    """All that an audit says.

    Attributes:
        source: the file, folder or table.
        notes: what the reader decided.
        facts: what the source holds.
        splits: which ways of splitting are possible.
        findings: the gravest first.
    """

    source: str
    notes: tuple[str, ...]
    facts: Facts
    splits: tuple[SplitCheck, ...]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether there is no error, so that `read_ratings` would take the source as it is."""
        return all(finding.level != "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        plain = to_dict(self)
        plain["facts"]["labels"] = {name: list(labels) for name, labels in self.facts.labels.items()}
        return plain | {"usable": self.usable}
