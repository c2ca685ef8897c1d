"""Whether other programs use the machine: two threads that wait for each other lose far more than the share taken."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
BUSY_FIELDS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal


@dataclass(frozen=True)
class CpuTimes:
    """Seconds since the machine started.

    Attributes:
        everyone: CPU seconds of all programs.
        ours: CPU seconds of this process and of its children that have ended.
        clock: seconds of the clock.
    """

    everyone: float
    ours: float
    clock: float

    @classmethod
    def now(cls) -> CpuTimes:
        """The times at this moment; on systems other than Linux, `everyone` is this process alone."""
        times = os.times()
        ours = times.user + times.system + times.children_user + times.children_system
        everyone = ours
        if STAT.is_file():
            ticks = [int(field) for field in STAT.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
            everyone = sum(ticks[place] for place in BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")
        return cls(everyone, ours, time.monotonic())

    def others_since(self, before: CpuTimes) -> float:
        """CPUs that other programs took on average since `before`, which is at least a moment ago."""
        elapsed = max(self.clock - before.clock, 1e-9)
        return max(0.0, (self.everyone - before.everyone) - (self.ours - before.ours)) / elapsed


def others_now(*, seconds: float = 1.0) -> float:
    """CPUs that other programs take on average over so many seconds."""
    before = CpuTimes.now()
    time.sleep(seconds)
    return CpuTimes.now().others_since(before)


def wait_until_quiet(*, others_at_most: float = 0.1, patience: float = 300.0, watched: float = 1.0) -> float:
    """Wait until other programs take at most so many CPUs, or until the patience is over.

    Returns:
        the CPUs that others took in the last interval.
    """
    until = time.monotonic() + patience
    while (others := others_now(seconds=watched)) > others_at_most and time.monotonic() < until:
        print(f"  waiting: other programs take {others:.1f} CPUs", file=sys.stderr, flush=True)
        time.sleep(min(4 * watched, patience))
    return others
