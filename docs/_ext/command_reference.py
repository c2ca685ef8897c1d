"""The command line reference, from the same declarations as `refeed COMMAND --help`.

In place of the line `<!-- commands -->` of a page comes a section for each command, as `typer utils docs` writes them.
"""

from __future__ import annotations

import re
import subprocess
import sys

from sphinx.application import Sphinx

MARKER = "<!-- commands -->"
_TYPER = [sys.executable, "-m", "typer", "refeed.cli.main", "utils", "docs", "--name", "refeed"]
_HELP = "* `--help`: Show this message and exit.\n"


def command_sections() -> str:
    """A Markdown section for each command: what it does, its usage, its arguments and its options."""
    document = subprocess.run(_TYPER, capture_output=True, text=True, encoding="utf-8", check=True).stdout
    sections = document[document.index("## `refeed ") :].replace(_HELP, "").replace("console\n$ refeed", "text\nrefeed")
    return re.sub(r"\*\*Options\*\*:\n\s*(?=##|\Z)", "", sections)  # of a command that has no option but --help


def _insert(_app: Sphinx, _document: str, content: list[str]) -> None:
    if MARKER in content[0]:
        content[0] = content[0].replace(MARKER, command_sections())


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the insertion to the reading of pages."""
    app.connect("source-read", _insert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
