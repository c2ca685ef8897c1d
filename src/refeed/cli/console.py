"""Where commands write: results to standard output, progress and remarks to standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from refeed.storage import atomic_file


def results() -> Console:
    """The console for results."""
    return Console(highlight=False, soft_wrap=True)


def remarks() -> Console:
    """The console for progress and remarks."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A remark on standard error, as it is (no markup)."""
    remarks().print(Text(text))


def write_json(value: dict[str, Any], target: str, *, overwrite: bool = True) -> None:
    """Write JSON to a file, or to standard output for "-"."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return
    with atomic_file(Path(target), overwrite=overwrite) as path:
        path.write_text(text, encoding="utf-8")
