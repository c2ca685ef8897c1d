"""What people see of a search while it goes on."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from helpers.made_up_runs import outcome_of
from helpers.small_worlds import Recorder
from refeed.models import Bias
from refeed.optim.options import TrainingOptions
from refeed.progress import Advanced, ConsoleProgress, Started
from refeed.runs.run import Run
from refeed.runs.worker import Progressed
from refeed.tuning.report import TrialsReport


def run(number: int) -> Run:
    return Run(f"trial {number}", Bias(), TrainingOptions(), seed=number)


def follow(console, *, trials=4, seconds=math.inf):
    report = TrialsReport(ConsoleProgress(console), trials=trials, seconds=seconds)
    report.advance(run(0), Progressed(1, 2, 1.0))
    report.finish(outcome_of(run(0), valid=(1.3, 0.9)))
    report.finish(replace(outcome_of(run(1), valid=(1.3, 1.0)), cached=True))
    report.finish(outcome_of(run(2), status="diverged"))
    report.refuse("trial 3", "they do not go together")
    report.interrupt()
    report.stop()


def test_each_trial_is_a_line():
    told = io.StringIO()
    follow(Console(file=told, width=200))
    assert told.getvalue().splitlines() == [
        "trial 0: validation RMSE 0.9000, 1 s (the best so far)",
        "trial 1: validation RMSE 1.0000, done before (best 0.9000)",
        "trial 2: diverged (the loss is not a finite number)",
        "trial 3: not possible (they do not go together)",
        "stopping: the runs under way keep their state (Ctrl-C again ends them at once) …",
    ]


@pytest.mark.parametrize("limits", [{"trials": 4}, {"trials": None, "seconds": 60.0}])
def test_bar_on_a_terminal_goes_when_all_is_over(limits):
    told = io.StringIO()
    follow(Console(file=told, width=120, force_terminal=True), **limits)
    assert "trial 3: not possible" in told.getvalue()
    assert told.getvalue().rstrip("\n").endswith("\x1b[2K")  # the line of the bar is wiped


def statuses(recorder) -> list[tuple[str, float]]:
    return [(event.status, event.completed) for event in recorder.of(Advanced)]


def test_share_is_of_trials_done_and_of_those_under_way():
    report = TrialsReport(recorder := Recorder(), trials=4, seconds=math.inf)
    report.advance(run(0), Progressed(1, 2, 1.0))
    report.finish(outcome_of(run(0)))
    assert statuses(recorder) == [("0/4 trials  trial 0 epoch 1/2", 0.125), ("1/4 trials", 0.25)]


def test_share_is_of_the_time_where_that_is_the_limit():
    report = TrialsReport(recorder := Recorder(), trials=None, seconds=1e-9)
    report.advance(run(0), Progressed(1, 2, 1.0))
    assert statuses(recorder) == [("0 trials  trial 0 epoch 1/2", 1.0)]


def test_trials_that_were_there_already_do_not_count_for_the_time_that_is_left():
    report = TrialsReport(recorder := Recorder(), trials=4, seconds=math.inf)
    report.finish(replace(outcome_of(run(0)), cached=True))
    report.advance(run(1), Progressed(0, 2, None))
    report.advance(run(1), Progressed(1, 2, 1.0))
    assert [event.completed for event in recorder.of(Started)] == [0.0, 0.25]
