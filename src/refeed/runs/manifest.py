"""Provenance of a report: programs, machine, command, ratings, seeds, and the fingerprint of every run."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from refeed.config import to_dict
from refeed.data.splits.base import Split
from refeed.data.splits.registry import split_to_dict
from refeed.runs.run import Outcome
from refeed.runtime import available_cpus
from refeed.version import __version__

LIBRARIES = ("torch", "numpy", "pyarrow", "safetensors", "matplotlib")
CPU_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Circumstances:
    """Circumstances of a report.

    Attributes:
        source: name of the ratings.
        command: the command line.
        began: start, with its time zone.
        seconds: wall time of this call; less than that of all runs where some were done before or in parallel.
        workers: number of runs at a time.
        threads: number of CPU threads in all.
    """

    source: str
    command: str
    began: datetime
    seconds: float
    workers: int
    threads: int


def manifest(
    circumstances: Circumstances, budget: Mapping[str, Any], splits: Sequence[Split], outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """The manifest as plain JSON values.

    Args:
        circumstances: of the report.
        budget: of the runs, as plain values.
        splits: of the ratings; several for the paper's Netflix splits.
        outcomes: of all runs.
    """
    return {
        "refeed": __version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "machine": machine(),
        "command": circumstances.command,
        "began": circumstances.began.isoformat(timespec="seconds"),
        "seconds": round(circumstances.seconds, 1),
        "workers": circumstances.workers,
        "threads": circumstances.threads,
        "budget": dict(budget),
        "seeds": sorted({outcome.run.seed for outcome in outcomes}),
        "source": circumstances.source,
        "splits": [_split(split) for split in splits],
        "runs": {outcome.folder.name: _run(outcome) for outcome in outcomes},
    }


def machine() -> dict[str, Any]:
    """Return processor, cores, memory and system."""
    return {
        "processor": _processor(),
        "cores": available_cpus(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None,
        "system": platform.platform(),
    }


def machine_text() -> str:
    """Describe the machine in a few words."""
    known = machine()
    memory = f", {known['memory'] / 2**30:.0f} GiB of memory" if known["memory"] else ""
    return f"{known['processor']}, {known['cores']} {'core' if known['cores'] == 1 else 'cores'}{memory}"


def _processor() -> str:
    try:
        lines = CPU_FILE.read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _split(split: Split) -> dict[str, Any]:
    return {
        "rule": split_to_dict(split.splitter),
        "fingerprint": split.fingerprint,
        "source_fingerprint": split.source_fingerprint,
        "users": split.train.num_users,
        "items": split.train.num_items,
        "ratings": {part: len(getattr(split, part)) for part in ("train", "valid", "test")},
        "cold": {part: to_dict(counts) for part, counts in split.cold.items()},
        "left_out": dict(split.left_out),
    }


def _run(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.run.name,
        "seed": outcome.run.seed,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
        "there_already": outcome.cached,
    }
