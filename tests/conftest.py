"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, in which tests press Ctrl-C all the same
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets, or a skip with the reason."""
    folder = Path(os.environ.get("REFEED_DATA", PROJECT / ".." / "shared" / "datasets")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set REFEED_DATA to a folder with ml-latest-small, ml-100k, …")
    return folder
