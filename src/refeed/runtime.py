"""Where and how a job computes: device, threads, loops and seed as one frozen value."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated, Literal

from refeed import large_memory
from refeed.config import Bound, Config, PositiveInt
from refeed.errors import ConfigError

LoopsName = Literal["auto", "compiled", "pytorch"]
Seed = Annotated[int, Bound("0 to 2**63 - 1", lambda value: 0 <= value < 2**63)]

BRIEF_SPIN = ("GOMP_SPINCOUNT", "3000")
"""Environment variable and value with which OpenMP's threads wait for each other by spinning only briefly."""


@dataclass(frozen=True)
class Runtime(Config):
    """Device, threads and seed of a job. Only the seed changes results, beyond rounding errors.

    Attributes:
        device: "cpu", "cuda", "cuda:1", "mps", … as PyTorch names it.
        threads: CPU threads of PyTorch, at least 1.
        seed: the one seed from which every generator of the job is derived, 0 to 2**63 - 1.
        loops: what the first and last layer of a network are trained in on the CPU: "compiled" (with the extra `fast`; SGD
            only), or "pytorch" for its own operations; "auto" takes compiled loops where they are to be had and the layers are
            large.

    Examples:
        >>> from refeed import Runtime
        >>> Runtime(threads=2, seed=7)
        Runtime(device='cpu', threads=2, seed=7, loops='auto')
    """

    device: str = "cpu"
    threads: PositiveInt = 1
    seed: Seed = 0
    loops: LoopsName = "auto"

    @classmethod
    def detect(cls, *, device: str = "auto", threads: int | None = None, seed: int = 0, loops: LoopsName = "auto") -> Runtime:
        """The runtime of this machine: all its CPUs, and its accelerator where PyTorch finds one.

        Args:
            device: of PyTorch; "auto" takes an accelerator where there is one.
            threads: CPU threads, at least 1; default: all CPUs that this process may use.
            seed: as in `Runtime`.
            loops: as in `Runtime`.

        Raises:
            ConfigError: the device is unknown to PyTorch or absent from this machine, or a number is out of its range.
        """
        threads = available_cpus() if threads is None else threads
        return cls(device=_resolve_device(device), threads=threads, seed=seed, loops=loops)

    def apply(self) -> None:
        """Give PyTorch this number of threads, and keep freed memory for the next step (settings of the whole process)."""
        import torch

        large_memory.keep_freed_memory()
        torch.set_num_threads(self.threads)


def available_cpus() -> int:
    """Number of CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _resolve_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"device: '{device}' cannot be used on this machine ({reason})") from error
    return str(torch.device(device))
