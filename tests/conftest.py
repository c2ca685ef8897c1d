"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest

# Before anything imports PyTorch or Numba, and for the programs that tests start: one thread a worker, so that workers do not
# wait for each other's; a test that needs more asks PyTorch for them. Numba's pool is as large as any test asks for.
for _name, _value in {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "3",
    "GOMP_SPINCOUNT": "3000",
}.items():
    os.environ.setdefault(_name, _value)

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

pytest.register_assert_rewrite("refeed.testing")
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
