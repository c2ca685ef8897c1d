"""Where commands write: results to standard output, progress and remarks to standard error."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from refeed.storage import atomic_file


def results() -> Console:
    """The console for results."""
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def remarks() -> Console:
    """The console for progress and remarks."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A remark on standard error, as it is (no markup)."""
    remarks().print(text)


def write_json(value: dict[str, Any], target: str, *, overwrite: bool = False) -> None:
    """Write JSON to a file (over an older one only with `overwrite`), or to standard output for "-"."""
    if target == "-":
        sys.stdout.write(json.dumps(value, indent=1, allow_nan=False) + "\n")  # ASCII, whatever the terminal
        return
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_file(target, overwrite=overwrite) as path:
        path.write_text(text, encoding="utf-8")
