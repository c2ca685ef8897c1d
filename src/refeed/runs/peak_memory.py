"""Peak memory of this process during some work."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
FORGET_PEAK = "5"  # what Linux expects there


def reset_peak(*, clear: Path = CLEAR) -> bool:
    """Reset the peak to what the process holds now; memory that it has freed is returned to the system first.

    Returns:
        whether the system can do that (Linux); otherwise the peak is that of the whole life of the process.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
        clear.write_text(FORGET_PEAK)
    except (OSError, AttributeError, TypeError):
        return False
    return True


def peak_bytes(*, status: Path = STATUS) -> int:
    """Peak since `reset_peak`, bytes; 0 where the system does not report it."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return _peak_of_process()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def _peak_of_process() -> int:
    """Peak since the process started."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)  # macOS reports bytes, others KiB
