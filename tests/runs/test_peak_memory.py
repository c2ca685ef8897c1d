"""Peak memory during some work."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest

from refeed.runs.peak_memory import peak_bytes, reset_peak


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forgets a peak")
def test_peak_is_of_what_was_held_since_it_was_reset():
    assert reset_peak()
    before = peak_bytes()
    held = np.ones(30_000_000, np.uint8)
    assert peak_bytes() - before > 25_000_000
    del held
    assert reset_peak()
    assert peak_bytes() - before < 15_000_000


def test_system_that_cannot_reset_the_peak_reports_that_of_the_process(tmp_path):
    assert not reset_peak(clear=tmp_path / "absent" / "clear_refs")
    assert peak_bytes(status=tmp_path / "absent") == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def test_system_that_reports_no_peak_gives_0(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_bytes(status=tmp_path / "absent") == 0
