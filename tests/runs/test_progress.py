"""Remaining time, and what people see of many runs."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.runs import progress as queue_progress
from refeed.runs.progress import ConsoleQueueWatcher, RemainingTime, SilentQueueWatcher
from refeed.runs.run import Outcome, Run

WIDE = Run("wide/0", AutoEncoder(encoder=(64,)), TrainingOptions(epochs=10), 0)
WIDE_AGAIN, NARROW = replace(WIDE, name="wide/1", seed=1), replace(WIDE, name="narrow", spec=AutoEncoder(encoder=(8,)))
RUNS = [WIDE, NARROW, WIDE_AGAIN]


def ended(run, status="finished") -> Outcome:
    return Outcome(run, status, "too wild", (), 1, 0.9, 57, 1.5, 0, 1, Path())


def test_nothing_is_known_before_the_first_epoch():
    remaining = RemainingTime(RUNS, workers=2)
    remaining.progress(WIDE, epoch=0, epochs=10, seconds=None)
    assert (remaining.seconds, remaining.share_done) == (None, 0.0)


def test_time_left_is_from_a_runs_own_epochs_its_other_seeds_or_the_mean_of_all():
    remaining = RemainingTime(RUNS, workers=1)
    remaining.progress(WIDE, epoch=1, epochs=10, seconds=4.0)
    assert remaining.seconds == 9 * 4 + 10 * 4 + 10 * 4
    remaining.progress(NARROW, epoch=1, epochs=10, seconds=1.0)
    assert remaining.seconds == 9 * 4 + 9 * 1 + 10 * 4  # the other seed of the wide one takes what the wide one takes
    assert remaining.share_done == pytest.approx(5 / (5 + 85))
    remaining.end(WIDE)  # it stopped early
    assert remaining.seconds == 9 * 1 + 10 * 4
    remaining.end(NARROW)
    remaining.end(WIDE_AGAIN)
    assert (remaining.seconds, remaining.share_done) == (0.0, 1.0)


def test_workers_share_the_work_but_not_a_single_run():
    remaining = RemainingTime([WIDE, NARROW], workers=2)
    remaining.progress(WIDE, epoch=1, epochs=10, seconds=4.0)
    remaining.progress(NARROW, epoch=1, epochs=10, seconds=1.0)
    assert remaining.seconds == 9 * 4


def test_run_that_is_taken_up_has_less_left():
    remaining = RemainingTime([WIDE], workers=1)
    remaining.progress(WIDE, epoch=6, epochs=10, seconds=None)
    remaining.progress(WIDE, epoch=7, epochs=10, seconds=2.0)
    assert remaining.seconds == 6.0


def follow(watcher):
    watcher.start([WIDE, NARROW], workers=2)
    watcher.progress(WIDE, epoch=0, epochs=10, seconds=None)
    watcher.progress(WIDE, epoch=1, epochs=10, seconds=4.0)
    watcher.end(ended(WIDE))
    watcher.stopping()
    watcher.end(ended(NARROW, "diverged"))
    watcher.stop()


def test_lines_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(queue_progress, "PLAIN_LINE_EVERY", 0.0)
    told = io.StringIO()
    follow(ConsoleQueueWatcher(Console(file=told, width=200)))
    assert told.getvalue().splitlines() == [
        "0/2 runs  wide/0 epoch 0/10",
        "0/2 runs  wide/0 epoch 1/10  about 40 s left",
        "1/2 runs  wide/0 done  about 40 s left",
        "stopping: the runs under way keep their state (Ctrl-C again ends them at once) …",
        "narrow: diverged (too wild)",
        "2/2 runs  narrow done",
    ]


def test_only_the_last_line_comes_when_all_is_quick():
    told = io.StringIO()
    follow(ConsoleQueueWatcher(Console(file=told, width=200)))
    assert [line for line in told.getvalue().splitlines() if "runs" in line and "stopping" not in line] == [
        "2/2 runs  narrow done"
    ]


def test_bar_on_a_terminal_goes_when_all_is_over():
    told = io.StringIO()
    follow(ConsoleQueueWatcher(Console(file=told, width=120, force_terminal=True)))
    assert "narrow: diverged (too wild)" in told.getvalue()
    assert told.getvalue().rstrip("\n").endswith("\x1b[2K")  # the line of the bar is wiped


@pytest.mark.parametrize(("seconds", "text"), [(3.2, "3 s"), (89, "89 s"), (200, "3 min"), (9000, "2.5 h")])
def test_durations_are_rounded_as_people_say_them(seconds, text):
    assert queue_progress._duration(seconds) == text


def test_silence_is_silent(capsys):
    follow(SilentQueueWatcher())
    assert capsys.readouterr() == ("", "")
