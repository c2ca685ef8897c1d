"""Programs run as a user runs them: their time, peak memory and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from refeed.errors import RefeedError

LAUNCHER = Path(__file__).with_name("child_usage.py")


class ChildError(RefeedError):
    """A program that a benchmark runs has failed."""


@dataclass(frozen=True)
class Usage:
    """Time, memory and output of a program.

    Attributes:
        seconds: from its start to its end.
        peak_bytes: largest resident memory, pages of mapped files that it touched included.
        output: what it printed on standard output.
    """

    seconds: float
    peak_bytes: int
    output: str

    @property
    def peak_gb(self) -> float:
        """Peak memory in 10^9 bytes."""
        return self.peak_bytes / 1e9


def run(command: Sequence[str | Path], *, threads: int) -> Usage:
    """Run a command to its end; its standard error is that of this process, so that its progress shows.

    Args:
        command: program and arguments.
        threads: for the libraries of the child, through OMP_NUM_THREADS.

    Raises:
        ChildError: it exits with another status than 0.
    """
    words = [str(word) for word in command]
    with tempfile.TemporaryDirectory() as folder:
        usage_file = Path(folder, "usage.json")
        ended = subprocess.run(
            [sys.executable, "-S", "-E", str(LAUNCHER), str(usage_file), *words],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        if ended.returncode != 0:
            raise ChildError(f"{' '.join(words)}: ended with status {ended.returncode}")
        usage = json.loads(usage_file.read_text(encoding="ascii"))
    return Usage(usage["seconds"], usage["peak_bytes"], ended.stdout)


def refeed_command(*arguments: str | Path) -> list[str]:
    """The command line of refeed in this Python."""
    return [sys.executable, "-c", "from refeed.cli.main import program; program()", *map(str, arguments)]
