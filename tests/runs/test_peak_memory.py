"""The most memory over a while."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest

from refeed.runs import peak_memory
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


def test_system_that_cannot_forget_tells_the_peak_of_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(peak_memory, "CLEAR", tmp_path / "absent" / "clear_refs")
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "absent")
    assert not reset_peak()
    assert peak_bytes() == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_system_that_tells_nothing_gives_0(tmp_path, monkeypatch):
    monkeypatch.setattr(peak_memory, "STATUS", tmp_path / "absent")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_bytes() == 0
