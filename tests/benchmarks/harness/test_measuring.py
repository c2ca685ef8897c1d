"""Timing in turn, quietness, and what the machine is."""

from __future__ import annotations

import time

import pytest

from harness import machine, quiet
from harness.measuring import in_turn, timed
from harness.quiet import CpuTimes


def test_sides_run_in_turn_and_warm_up_is_not_counted():
    calls = []

    def side(name):
        return lambda number: calls.append((name, number)) or float(number)

    seconds = in_turn({"a": side("a"), "b": side("b")}, rounds=2, warm_up=1, pause=0)
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert seconds == {"a": [1.0, 2.0], "b": [1.0, 2.0]}


def test_timed_gives_the_time_and_the_result():
    seconds, result = timed(lambda: time.sleep(0.02) or "done")
    assert 0.02 <= seconds < 1 and result == "done"


def test_others_are_everyone_without_ourselves():
    before, after = CpuTimes(everyone=100.0, ours=40.0, clock=7.0), CpuTimes(everyone=106.0, ours=44.0, clock=9.0)
    assert after.others_since(before) == pytest.approx(1.0)
    assert CpuTimes(everyone=100.0, ours=41.0, clock=8.0).others_since(before) == 0.0  # clocks of different grain


def test_own_work_does_not_count_as_that_of_others():
    before, until = CpuTimes.now(), time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    after = CpuTimes.now()
    assert after.ours - before.ours > 0.02
    assert after.everyone - before.everyone > 0.02


def test_waits_for_others_to_end(monkeypatch, capsys):
    seen = iter([1.5, 0.4, 0.05])
    monkeypatch.setattr(quiet, "others_now", lambda **_: next(seen))
    assert quiet.wait_until_quiet(watched=0.0) == 0.05
    assert capsys.readouterr().err.count("waiting: other programs take") == 2


def test_patience_ends(monkeypatch):
    monkeypatch.setattr(quiet, "others_now", lambda **_: 1.5)
    assert quiet.wait_until_quiet(patience=0.05, watched=0.0) == 1.5


def test_machine_is_described_in_words_and_speeds():
    described = machine.describe(threads=1, rounds=1, shapes=((16, 16, 16), (32, 32, 32)), copied=1 << 12)
    assert described["threads"] == 1 and described["processor"]
    assert described["gemm_gflops"] > 0 and described["copy_gb_per_s"] > 0


def test_speeds_follow_from_operations_bytes_and_seconds(monkeypatch):
    monkeypatch.setattr(machine, "timed", lambda work: (2.0, work()))
    assert machine.gemm_gflops(100, 200, 300, rounds=1) == pytest.approx(2 * 100 * 200 * 300 / 2 / 1e9)
    assert machine.copy_gb_per_s(rounds=1, numbers=1000) == pytest.approx(2 * 4000 / 2 / 1e9)
