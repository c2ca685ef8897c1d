"""Memory for large arrays: on large pages where the system has them, and kept by the process once it was used.

A training step that walks 40 MB of weights in rows of 2 KB spends much of its time on page tables of 4 KB pages, and one that
gets its gradients from fresh pages each time spends more on page faults than on arithmetic.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGE = 1 << 22  # bytes from which large pages (2 MB) are asked for
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # mallopt(3)
NEVER = -1  # of the first one: what was freed is not given back, however much it is


def zeros(*shape: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Zeros of this shape; on the CPU a large array lies on large pages (Linux; elsewhere it is an ordinary one)."""
    import torch

    size = dtype.itemsize * torch.Size(shape).numel()
    if device.type != "cpu" or size < LARGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.zeros(shape, dtype=dtype, device=device)
    memory = mmap.mmap(-1, size)  # fresh pages are zero
    memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=dtype).view(shape)


def keep_freed_memory(largest: int = 1 << 30) -> bool:
    """Tell glibc's allocator to keep what is freed for the next step, for the whole process.

    The process stays as large as it once was; only arrays of more than `largest` bytes are given back to the system.

    Returns:
        whether there is such an allocator.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, largest) and mallopt(TRIM_THRESHOLD, NEVER))
