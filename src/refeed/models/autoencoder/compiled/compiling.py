"""Compiles loops over arrays with Numba (the extra `fast`), to run on the OpenMP threads of PyTorch's operations.

There is one pool for both: a second one would have to be woken for each loop, and its threads would wait for those of the
first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import torch

Loop = TypeVar("Loop", bound=Callable[..., Any])

EXACT_ENOUGH = {"reassoc", "nsz", "contract", "arcp"}  # sums in any order; infinities and NaN keep their meaning


def compiled(*, parallel: bool = False, inlined: bool = False) -> Callable[[Loop], Loop]:
    """Compile at the first call for each type of arguments; cached on disk where that is possible.

    The cache is invalidated when the loop's own file changes, and only then: so the types whose fields a loop reads are defined
    in its file, and when this file changes the cache has to be deleted (`__pycache__/*.nb*`).

    Args:
        parallel: divide its `prange` among threads. The work of each thread is best a function of its own: within `prange`
            itself arrays are loaded again for each use.
        inlined: inline it into its callers, which saves passing arrays that are used briefly.
    """
    options: Any = {"nogil": True, "fastmath": EXACT_ENOUGH, "error_model": "numpy", "parallel": parallel}
    options["forceinline"] = inlined

    def compiling(loop: Loop) -> Loop:
        compiler: Any = numba.njit
        try:
            dispatcher = compiler(cache=True, **options)(loop)
        except RuntimeError:  # no writable cache folder
            dispatcher = compiler(**options)(loop)
        kept: Loop = dispatcher
        return kept

    return compiling


def use_threads(threads: int) -> None:
    """Set the number of threads of the calling thread's loops, in PyTorch's pool unless another one is configured for Numba."""
    of_torch = torch.get_num_threads()
    if numba.config.THREADING_LAYER == "default":  # type: ignore[attr-defined]
        numba.config.THREADING_LAYER = "omp"  # type: ignore[attr-defined]
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    torch.set_num_threads(of_torch)  # Numba's first call starts its threads, and sets the common pool to all CPUs
