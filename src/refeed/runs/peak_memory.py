"""The most memory that this process held over a while."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
FORGET_PEAK = "5"  # what Linux expects there


def reset_peak() -> bool:
    """Start to measure anew, from what the process holds now; memory that was freed is given back to the system first.

    Returns:
        whether the system can do that (Linux); otherwise the peak is the one since the process began.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR.write_text(FORGET_PEAK)
    except (OSError, AttributeError, TypeError):
        return False
    return True


def peak_bytes() -> int:
    """The most that the process held since `reset_peak`, bytes; 0 where the system does not tell."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return _peak_of_process()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM")), 0)


def _peak_of_process() -> int:
    """The most since the process began."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)  # macOS tells bytes, others KiB
