"""What people see of a search while it goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from helpers.made_up_runs import outcome_of
from refeed.models import Bias
from refeed.optim.options import TrainingOptions
from refeed.runs.run import Run
from refeed.tuning.progress import ConsoleTuningWatcher, SilentTuningWatcher


def run(number: int) -> Run:
    return Run(f"trial {number}", Bias(), TrainingOptions(), seed=number)


def follow(watcher, *, trials=4, seconds=None):
    watcher.start(trials=trials, seconds=seconds)
    watcher.progress(run(0), epoch=1, epochs=2)
    watcher.end(outcome_of(run(0), valid=(1.3, 0.9)))
    watcher.end(outcome_of(run(1), valid=(1.3, 1.0)))
    watcher.end(outcome_of(run(2), status="diverged"))
    watcher.refuse("trial 3", "they do not go together")
    watcher.stopping()
    watcher.stop()


def test_each_trial_is_a_line():
    told = io.StringIO()
    follow(ConsoleTuningWatcher(Console(file=told, width=200)))
    assert told.getvalue().splitlines() == [
        "trial 0: validation RMSE 0.9000, 1 s (the best so far)",
        "trial 1: validation RMSE 1.0000, 1 s (best 0.9000)",
        "trial 2: diverged (the loss is not a finite number)",
        "trial 3: cannot be (they do not go together)",
        "stopping: the trials under way keep their state (Ctrl-C again ends them at once) …",
    ]


@pytest.mark.parametrize("limits", [{"trials": 4}, {"trials": None, "seconds": 60.0}])
def test_bar_on_a_terminal_goes_when_all_is_over(limits):
    told = io.StringIO()
    follow(ConsoleTuningWatcher(Console(file=told, width=120, force_terminal=True)), **limits)
    assert "trial 3: cannot be" in told.getvalue()
    assert told.getvalue().rstrip("\n").endswith("\x1b[2K")  # the line of the bar is wiped


def bar(watcher) -> tuple[str, float]:
    (task,) = watcher._bar.tasks
    return task.description, task.completed


def test_bar_shows_trials_done_and_parts_of_those_under_way():
    watcher = ConsoleTuningWatcher(Console(file=io.StringIO(), width=120, force_terminal=True))
    watcher.start(trials=4, seconds=None)
    watcher.progress(run(0), epoch=1, epochs=2)
    assert bar(watcher) == ("0/4 trials  trial 0 epoch 1/2", 0.125)
    watcher.end(outcome_of(run(0)))
    assert bar(watcher) == ("1/4 trials", 0.25)
    watcher.stop()


def test_bar_shows_the_time_where_that_is_the_limit():
    watcher = ConsoleTuningWatcher(Console(file=io.StringIO(), width=120, force_terminal=True))
    watcher.start(trials=None, seconds=1e-9)
    watcher.progress(run(0), epoch=1, epochs=2)
    assert bar(watcher) == ("0 trials  trial 0 epoch 1/2", 1.0)
    watcher.stop()


def test_silence_is_silent(capsys):
    follow(SilentTuningWatcher())
    assert capsys.readouterr() == ("", "")
