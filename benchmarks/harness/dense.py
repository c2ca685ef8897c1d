"""The dense reference and the dense program, the oracles of the tests, as the baseline of the benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests"
if str(TESTS) not in sys.path:
    sys.path.append(str(TESTS))

from oracles.dense_program import (  # noqa: E402
    UserLists,
    as_lists,
    code_masks,
    dense_batches,
    dense_rows,
    initial_weights,
)
from oracles.dense_reference import DenseAutoEncoder, DenseTrainer  # noqa: E402

__all__ = [
    "DenseAutoEncoder",
    "DenseTrainer",
    "UserLists",
    "as_lists",
    "code_masks",
    "dense_batches",
    "dense_program_command",
    "dense_rows",
    "initial_weights",
]


def dense_program_command(*arguments: str | Path) -> list[str]:
    """The command line of the dense program in this Python."""
    code = f"import sys; sys.path.append({str(TESTS)!r}); from oracles.dense_program import main; sys.exit(main())"
    return [sys.executable, "-c", code, *map(str, arguments)]
