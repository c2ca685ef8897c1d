"""Time, memory and output of programs, and work in processes of their own."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from harness import own_process
from harness.children import ChildError, refeed_command, run
from harness.own_process import apart
from refeed.data.store.store import open_store
from refeed.errors import BundleError

MB = 1_000_000


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_peak_is_the_childs_own_however_large_its_parent_is():
    large = np.ones(400 * MB // 8)  # pages that are really there
    usage = run(python("print('hello')"), threads=1)
    assert usage.output == "hello\n" and usage.seconds > 0
    assert usage.peak_bytes < 100 * MB < large.nbytes


def test_peak_counts_what_was_freed_again():
    usage = run(python("held = bytearray(150_000_000); del held"), threads=1)
    assert 150 * MB < usage.peak_bytes < 250 * MB
    assert usage.peak_gb == usage.peak_bytes / 1e9


def test_threads_are_said_to_the_libraries_of_the_child():
    assert run(python("import os; print(os.environ['OMP_NUM_THREADS'])"), threads=3).output == "3\n"


@pytest.mark.parametrize(("command", "status"), [(python("raise SystemExit(3)"), 3), (["no-such-program"], 127)])
def test_failure_of_a_child_is_an_error(command, status, capfd):
    with pytest.raises(ChildError, match=f"ended with status {status}"):
        run(command, threads=1)
    capfd.readouterr()


def test_refeed_command_is_the_command_line():
    assert run(refeed_command("--version"), threads=1).output.strip()


@pytest.mark.slow
def test_each_side_starts_in_its_own_environment(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    for side, spin in (("refeed", "3000"), ("dense", None)):
        assert apart(side, os.getenv, "GOMP_SPINCOUNT", threads=1) == spin
    assert apart("peer", os.getpid, threads=1) != os.getpid()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.slow
def test_errors_come_back_and_a_process_that_ends_is_said():
    with pytest.raises(BundleError, match="no-such-store"):
        apart("peer", open_store, "no-such-store", threads=1)
    with pytest.raises(ChildError, match="peer side: its process has failed"):
        apart("peer", os._exit, 3, threads=1)


def test_environment_is_put_back_and_a_persons_own_setting_stays(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    with own_process._environment("refeed"):
        assert os.environ["GOMP_SPINCOUNT"] == "3000"
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    with own_process._environment("refeed"):
        assert os.environ["GOMP_SPINCOUNT"] == "7"
    assert os.environ["GOMP_SPINCOUNT"] == "7"
