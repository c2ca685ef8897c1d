"""The machine: processor, libraries, threads, and the two speeds that bound everything else."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import refeed
from harness.measuring import timed
from harness.results import Spread
from refeed import large_memory
from refeed.runtime import available_cpus

PEAK_SHAPES = ((2048, 2048, 2048), (1024, 512, 512), (1024, 512, 1024), (1024, 1024, 512))  # rows, inner, columns
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
COPIED = 1 << 26  # numbers: 256 MiB, far more than any cache holds


def describe(
    *, threads: int, rounds: int = 15, shapes: Sequence[tuple[int, int, int]] = PEAK_SHAPES, copied: int = COPIED
) -> dict[str, Any]:
    """The machine in words and numbers.

    Args:
        threads: of PyTorch, already set.
        rounds: of each measurement.
        shapes: rows, inner and columns of the products whose fastest is the GEMM peak.
        copied: see `copy_gb_per_s`.
    """
    return {
        "processor": _processor(),
        "cpus": available_cpus(),
        "threads": threads,
        "flags": [flag for flag in FLAGS if flag in _cpu_info("flags").split()],
        "memory_gb": _memory_gb(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "refeed": refeed.__version__,
        "gemm_gflops": max(gemm_gflops(*shape, rounds=rounds) for shape in shapes),
        "copy_gb_per_s": copy_gb_per_s(rounds=rounds, numbers=copied),
    }


def gemm_gflops(rows: int, inner: int, columns: int, *, rounds: int) -> float:
    """Speed of PyTorch's float32 product (rows x inner) (inner x columns), 10^9 operations a second, median of the rounds."""
    left, right, product = torch.randn(rows, inner), torch.randn(inner, columns), torch.empty(rows, columns)
    seconds = [timed(lambda: torch.mm(left, right, out=product))[0] for _ in range(rounds + 1)][1:]
    return 2 * rows * inner * columns / Spread.of(seconds).median / 1e9


def copy_gb_per_s(*, rounds: int, numbers: int = COPIED) -> float:
    """Bytes read plus bytes written a second in copying one large array to another, 10^9, the best of the rounds.

    As an upper bound it is measured on large pages, where the system has them.

    Args:
        rounds: number of measurements.
        numbers: float32 numbers in the array.
    """
    source, target = (large_memory.zeros(numbers, dtype=torch.float32, device=torch.device("cpu")) for _ in range(2))
    source.fill_(1)
    seconds = [timed(lambda: target.copy_(source))[0] for _ in range(rounds + 1)][1:]
    return 2 * source.nbytes / min(seconds) / 1e9


def _processor() -> str:
    """Name of the processor, with family and model, since a virtual machine may give only half of the name."""
    name = _cpu_info("model name") or platform.processor() or platform.machine()
    family, model = _cpu_info("cpu family"), _cpu_info("model")
    return f"{name} (family {family}, model {model})" if family and model else name


def _cpu_info(key: str) -> str:
    """A field of the first processor in /proc/cpuinfo; empty where there is no such file."""
    path = Path("/proc/cpuinfo")
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
