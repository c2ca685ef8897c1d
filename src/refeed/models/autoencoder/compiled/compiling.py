"""Compiling loops over arrays with Numba (the extra `fast`), to run on the OpenMP threads that PyTorch's operations run on too.

One pool for both: a second one would have to be woken for each loop, and its threads would wait for those of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import torch

Loop = TypeVar("Loop", bound=Callable[..., Any])

EXACT_ENOUGH = {"reassoc", "nsz", "contract", "arcp"}  # sums in any order; numbers that are not finite stay what they are


def compiled(*, parallel: bool = False, inlined: bool = False) -> Callable[[Loop], Loop]:
    """Compile at the first call for each type of arguments; kept on disk where there is a place for it.

    What is kept is compiled anew when the loop's own file changes, and only then: so the types whose fields a loop reads stand
    in its file, and where the present file changes the kept ones have to be deleted (`__pycache__/*.nb*`).

    Args:
        parallel: whether its `prange` is shared out among threads. What each thread does is best a function of its own: within
            `prange` itself arrays are loaded anew for each use.
        inlined: whether it becomes a part of what calls it, which saves passing arrays that are used for a moment.
    """
    options: Any = {"nogil": True, "fastmath": EXACT_ENOUGH, "error_model": "numpy", "parallel": parallel}
    options["forceinline"] = inlined

    def compiling(loop: Loop) -> Loop:
        compiler: Any = numba.njit
        try:
            dispatcher = compiler(cache=True, **options)(loop)
        except RuntimeError:  # no folder can be written to
            dispatcher = compiler(**options)(loop)
        kept: Loop = dispatcher
        return kept

    return compiling


def use_threads(threads: int) -> None:
    """Run the calling thread's loops on so many threads, of PyTorch's own pool unless somebody has chosen another for Numba."""
    of_torch = torch.get_num_threads()
    if numba.config.THREADING_LAYER == "default":  # type: ignore[attr-defined]
        numba.config.THREADING_LAYER = "omp"  # type: ignore[attr-defined]
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    torch.set_num_threads(of_torch)  # the first call starts Numba's threads, and gives the common pool all CPUs
