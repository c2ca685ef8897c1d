"""The arguments and the result of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.results import Figure


@dataclass(frozen=True)
class Workbench:
    """Where and on which machine a benchmark runs.

    Attributes:
        folder: for data and models, which a later run in the same folder uses again.
        threads: of every program that is measured.
        machine: as `machine.describe` returns it.
    """

    folder: Path
    threads: int
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """The result of a benchmark.

    Attributes:
        figures: in the order of the table.
        series: numbers for the pictures, by name.
        remarks: what a reader has to know, a sentence each.
    """

    figures: tuple[Figure, ...]
    series: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
