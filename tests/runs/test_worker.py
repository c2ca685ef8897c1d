"""One run in this process, with a pipe that a test holds the other end of."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from helpers.small_worlds import random_split, timeless
from refeed.errors import ConfigError, InterruptedTrainingError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.runs import worker
from refeed.runs.run import TEST_PREDICTIONS, Outcome, Run, num_parameters
from refeed.runs.split_folder import SplitFolder
from refeed.runs.worker import CHECKPOINT, ERROR, OUTCOME, STOP, Ended, Progressed, Task, perform, work
from refeed.runtime import Runtime
from refeed.training.train import train

SPEC = AutoEncoder(encoder=(8, 4), dropout=0.3)
OPTIONS = TrainingOptions(epochs=4, batch_size=7, learning_rate=0.01)
SPLIT = random_split()
RUN = Run("one", SPEC, OPTIONS, seed=3, reads_test=True)


class Parent:
    """The other end of the pipe: hands out tasks, keeps what it is told, and says stop after some polls."""

    def __init__(self, *tasks, stop_after=None):
        self.tasks, self.stop_after, self.told = [*tasks], stop_after, []

    def poll(self):
        if self.stop_after is None:
            return False
        self.stop_after -= 1
        return self.stop_after < 0

    def send(self, message):
        self.told.append(message)

    def recv(self):
        if not self.tasks:
            raise EOFError
        return self.tasks.pop(0)


def outcome_of(task) -> Outcome:
    values = json.loads((task.folder / OUTCOME).read_text())["outcome"]
    return Outcome.from_dict(task.run, values, task.folder, cached=False)


def test_run_is_what_train_gives_and_its_test_predictions_those_of_its_best_epoch(tmp_path):
    task, parent = Task(RUN, tmp_path / "run"), Parent()
    perform(task, SPLIT, parent, threads=1)
    fitted = train(SPEC, SPLIT, OPTIONS, runtime=Runtime(threads=1, seed=3))
    outcome = outcome_of(task)
    assert (outcome.status, outcome.message) == ("finished", "")
    assert timeless(outcome.log) == timeless(fitted.provenance.log)
    assert outcome.best_epoch == fitted.provenance.best_epoch
    assert outcome.valid_rmse == fitted.provenance.log[outcome.best_epoch - 1]["valid_rmse"]
    assert outcome.parameters == fitted.num_parameters
    assert outcome.seconds == pytest.approx(sum(record["seconds"] for record in outcome.log))
    expected = predict_ratings(fitted.scorer(), Histories.of_training(SPLIT.train), SPLIT.test)
    assert np.array_equal(outcome.test_predictions(), expected)
    assert not (task.folder / CHECKPOINT).exists()


def test_parent_is_told_of_the_beginning_and_of_every_epoch(tmp_path):
    parent = Parent()
    perform(Task(RUN, tmp_path), SPLIT, parent, threads=1)
    assert parent.told[0] == Progressed(0, 4, None)
    assert [(one.epoch, one.epochs) for one in parent.told[1:]] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert all(one.seconds > 0 for one in parent.told[1:])


def test_test_part_is_left_alone_unless_the_run_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "predict_ratings", lambda *_: pytest.fail("the test part was predicted"))
    task = Task(replace(RUN, reads_test=False), tmp_path)
    perform(task, SPLIT, Parent(), threads=1)
    assert not (tmp_path / TEST_PREDICTIONS).exists()
    with pytest.raises(ConfigError, match="one: there are no test predictions, since reads_test is false"):
        outcome_of(task).test_predictions()


@pytest.mark.parametrize("stop_after", [1, 5, 15])
def test_stopped_and_resumed_run_equals_the_uninterrupted_one(tmp_path, stop_after):
    whole, cut = Task(RUN, tmp_path / "whole"), Task(RUN, tmp_path / "cut")
    perform(whole, SPLIT, Parent(), threads=1)
    with pytest.raises(InterruptedTrainingError):
        perform(cut, SPLIT, Parent(stop_after=stop_after), threads=1)
    assert not (cut.folder / OUTCOME).exists()
    assert (cut.folder / CHECKPOINT).is_dir()
    perform(cut, SPLIT, parent := Parent(), threads=1)
    assert parent.told[0].epoch == stop_after // 4  # 24 users in batches of 7: an epoch is 4 steps
    ended, expected = outcome_of(cut), outcome_of(whole)
    assert timeless(ended.log) == timeless(expected.log)
    assert ended.best_epoch == expected.best_epoch
    assert np.array_equal(ended.test_predictions(), expected.test_predictions())


def test_run_that_diverges_is_an_outcome_with_the_epochs_before(tmp_path):
    options = replace(OPTIONS, optimizer="sgd", learning_rate=0.01, schedule="multistep", milestones=(2,), decay_factor=1.0)
    task = Task(replace(RUN, options=replace(options, learning_rate=1e25)), tmp_path)
    perform(task, SPLIT, Parent(), threads=1)
    outcome = outcome_of(task)
    assert outcome.status == "diverged"
    assert outcome.message.startswith("epoch 1, batch 2: the supervised loss is not a finite number")
    assert "\n" not in outcome.message
    assert (outcome.log, outcome.best_epoch, outcome.valid_rmse) == ((), 0, None)
    assert outcome.parameters == num_parameters(SPEC, 24, 15) == 15 * 8 + 8 + 8 * 4 + 4 + 4 * 8 + 8 + 8 * 15 + 15
    with pytest.raises(ConfigError, match="since it diverged"):
        outcome.test_predictions()


def test_memory_of_a_run_is_not_that_of_the_one_before(tmp_path):
    wide = Task(Run("wide", AutoEncoder(encoder=(3000, 3000)), replace(OPTIONS, epochs=1), 0), tmp_path / "wide")
    small = Task(Run("small", Bias(), OPTIONS, 0), tmp_path / "small")
    perform(wide, SPLIT, Parent(), threads=1)
    perform(small, SPLIT, Parent(), threads=1)
    weights = 4 * outcome_of(wide).parameters
    assert weights > 70e6
    assert outcome_of(wide).peak_memory - outcome_of(small).peak_memory > weights


def test_worker_does_its_tasks_and_ends_when_told_or_when_the_parent_is_gone(tmp_path, monkeypatch):
    groups = []
    monkeypatch.setattr(os, "setpgid", lambda *group: groups.append(group))
    folder = SplitFolder(tmp_path / "split")
    folder.write(SPLIT)
    tasks = [Task(Run(f"{seed}", Bias(), OPTIONS, seed), tmp_path / f"{seed}") for seed in (0, 1)]
    before = signal.getsignal(signal.SIGINT)
    try:
        for last in ([STOP, tasks[1]], []):
            work(parent := Parent(tasks[0], *last), folder, 1)
            assert parent.told == [Progressed(0, 1, None), parent.told[1], Ended()]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # Ctrl-C is for the parent
    finally:
        signal.signal(signal.SIGINT, before)
    assert groups == [(0, 0), (0, 0)]
    assert (tasks[0].folder / OUTCOME).exists() and not tasks[1].folder.exists()


def test_error_of_a_run_is_told_and_the_next_run_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "setpgid", lambda *_: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    folder = SplitFolder(tmp_path / "split")
    folder.write(SPLIT)
    damaged, broken, fine = (Task(Run(name, Bias(), OPTIONS, 0), tmp_path / name) for name in ("damaged", "broken", "fine"))
    (damaged.folder / CHECKPOINT).mkdir(parents=True)
    (damaged.folder / CHECKPOINT / "checkpoint.json").write_text("{")

    def train_or_break(spec, split, options, **more):
        if more["checkpoint_folder"].parent == broken.folder:
            raise ZeroDivisionError("no such number")
        return train(spec, split, options, **more)

    monkeypatch.setattr(worker, "train", train_or_break)
    work(parent := Parent(damaged, broken, fine), folder, 1)
    ends = [one.error for one in parent.told if isinstance(one, Ended)]
    assert "damaged checkpoint" in ends[0]
    assert ends[1] == f"ZeroDivisionError: no such number\n  The traceback is in {broken.folder / ERROR}."
    assert "in train_or_break" in (broken.folder / ERROR).read_text()
    assert ends[2] == ""
    assert (fine.folder / OUTCOME).exists()


def test_split_on_disk_is_the_split(tmp_path):
    folder = SplitFolder(tmp_path / "split")
    folder.write(SPLIT)
    folder.write(SPLIT)  # nothing to do any more
    again = folder.open()
    assert again.fingerprint == SPLIT.fingerprint
    assert (again.splitter, again.source_fingerprint) == (SPLIT.splitter, SPLIT.source_fingerprint)
    assert [len(again.train), len(again.valid), len(again.test)] == [len(SPLIT.train), len(SPLIT.valid), len(SPLIT.test)]
