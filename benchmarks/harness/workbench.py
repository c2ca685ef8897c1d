"""What every benchmark is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.results import Figure


@dataclass(frozen=True)
class Workbench:
    """Where and on what a benchmark runs.

    Attributes:
        folder: for what it makes; what it finds there of an earlier run it may use again.
        threads: of every program.
        machine: as `machine.describe` tells.
    """

    folder: Path
    threads: int
    machine: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What a benchmark has found.

    Attributes:
        figures: in the order of the table.
        series: numbers for the pictures, by name.
        remarks: what a reader has to know, one sentence each.
    """

    figures: tuple[Figure, ...]
    series: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
