"""The progress of long work."""

from __future__ import annotations

import io

from rich.console import Console

from refeed.cli import progress as progress_module
from refeed.cli.progress import progress


def test_without_a_terminal_a_line_comes_every_few_seconds(monkeypatch):
    clock = iter([0.0, 2.0, 6.0, 7.0, 20.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    with progress(Console(file=text, width=200), "inventing", total=2_000, unit="ratings") as advance:
        for done in (100, 400, 500, 1_000):
            advance(done)
    assert text.getvalue().splitlines() == [
        "inventing: 500 of 2,000 ratings (25%), 83 a second, about 18 s left",
        "inventing: 2,000 of 2,000 ratings (100%), 100 a second, about 0 s left",
    ]


def test_on_a_terminal_a_bar_moves_and_goes():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    with progress(console, "inventing", total=4, unit="ratings") as advance:
        advance(1)
        advance(3)
    shown = text.getvalue()
    assert "inventing" in shown
    assert "ratings/s" in shown
    assert "left" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is cleared at the end
