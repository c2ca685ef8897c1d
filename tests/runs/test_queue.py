"""Many runs: real worker processes, cut off in every way and taken up again."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.one_process import OneProcess
from helpers.small_worlds import random_split, timeless
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError, TrainingError
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.runs import queue as run_queue
from refeed.runs.progress import SilentQueueWatcher
from refeed.runs.queue import RUNS, run_all
from refeed.runs.run import Run
from refeed.runs.worker import CHECKPOINT, OUTCOME
from refeed.runtime import Runtime
from refeed.training.train import train

SPLIT = random_split()
SPEC = AutoEncoder(encoder=(8, 4), dropout=0.3)
OPTIONS = TrainingOptions(epochs=30, batch_size=7, learning_rate=0.01)
LONG = Run("long", SPEC, OPTIONS, seed=3, reads_test=True)
WILD = Run("wild", SPEC, replace(OPTIONS, optimizer="sgd", learning_rate=1e25), seed=0)


class Told(SilentQueueWatcher):
    """Keeps what it is told; after some epochs of a run it does something."""

    def __init__(self, *, after=0, do=lambda: None):
        self.after, self.do = after, do
        self.started, self.epochs, self.ended, self.stopped = [], [], [], 0

    def start(self, runs, *, workers):
        self.started.append(([run.name for run in runs], workers))

    def progress(self, run, *, epoch, epochs, seconds):
        self.epochs.append((run.name, epoch, epochs))
        if epoch == self.after > 0:
            self.do()

    def end(self, outcome):
        self.ended.append(outcome.run.name)

    def stop(self):
        self.stopped += 1


def go(runs, folder, *, watcher=None, workers=1, threads=1):
    return run_all(runs, SPLIT, folder, workers=workers, threads=threads, watcher=watcher or Told())


def expected_log(run):
    return timeless(train(run.spec, SPLIT, run.options, runtime=Runtime(threads=1, seed=run.seed)).provenance.log)


def spoilt(folder) -> Run:
    """A run that cannot be taken up."""
    run = replace(LONG, name="spoilt", seed=LONG.seed + 1)
    checkpoint = folder / RUNS / run.fingerprint(SPLIT.fingerprint) / CHECKPOINT
    checkpoint.mkdir(parents=True)
    (checkpoint / "checkpoint.json").write_text("{")
    return run


def no_processes(*_, **__):
    pytest.fail("a process was started")


def test_each_run_is_done_once_in_order_of_seeds_and_kept(tmp_path, monkeypatch):
    short = [Run(f"short/{seed}", SPEC, replace(OPTIONS, epochs=2), seed) for seed in (1, 0)]
    runs = [*short, WILD, Run("biases", Bias(), OPTIONS, 0), replace(short[0], name="the same again")]
    told = Told()
    outcomes = go(runs, tmp_path, watcher=told, workers=2, threads=4)
    assert [outcome.run for outcome in outcomes] == runs
    assert told.started == [(["short/0", "wild", "biases", "short/1"], 2)]
    assert sorted(told.ended) == ["biases", "short/0", "short/1", "wild"]
    assert told.stopped == 1
    assert [outcome.status for outcome in outcomes] == ["finished", "finished", "diverged", "finished", "finished"]
    assert not any(outcome.cached for outcome in outcomes)
    assert {outcome.threads for outcome in outcomes} == {2}
    assert timeless(outcomes[0].log) == timeless(outcomes[4].log) == expected_log(short[0])
    assert outcomes[3].peak_memory > 100e6  # PyTorch alone is that much
    assert multiprocessing.active_children() == []

    monkeypatch.setattr(run_queue, "Crew", no_processes)
    again = go(runs, tmp_path, watcher=(quiet := Told()))
    assert again == [replace(outcome, cached=True) for outcome in outcomes]
    assert quiet.started == []


def require_cut(folder):
    """There is a checkpoint and no outcome, and no process is left."""
    (kept,) = (folder / RUNS).iterdir()
    assert (kept / CHECKPOINT).is_dir() and not (kept / OUTCOME).exists()
    assert multiprocessing.active_children() == []


def require_whole(outcome, resumed):
    """The run was taken up, and came out as if it had never been cut off."""
    assert resumed.epochs[0][1] >= 1
    assert timeless(outcome.log) == expected_log(LONG)
    assert len(outcome.test_predictions()) == len(SPLIT.test)
    assert not (outcome.folder / CHECKPOINT).exists()


def test_run_cut_off_by_ctrl_c_goes_on_and_equals_the_uninterrupted_one(tmp_path, monkeypatch):
    told = Told(after=5, do=lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(InterruptedTrainingError, match="stopped with 0 of 1 runs done; give the same command again to go on"):
        go([LONG], tmp_path, watcher=told)
    assert told.stopped == 1
    require_cut(tmp_path)
    monkeypatch.setattr(run_queue, "Crew", OneProcess)
    (outcome,) = go([LONG], tmp_path, watcher=(resumed := Told()))
    require_whole(outcome, resumed)


def test_run_whose_process_was_killed_goes_on_and_one_that_fails_is_named(tmp_path):
    def kill():
        (process,) = multiprocessing.active_children()
        os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match="long: its process was killed by signal 9\n  Perhaps the memory was full"):
        go([LONG], tmp_path, watcher=Told(after=5, do=kill))
    require_cut(tmp_path)
    resumed = Told()
    with pytest.raises(TrainingError, match=r"spoilt: .*damaged checkpoint"):
        go([LONG, spoilt(tmp_path)], tmp_path, watcher=resumed)
    assert (resumed.ended, resumed.stopped) == (["long"], 1)
    (outcome,) = go([LONG], tmp_path)
    assert outcome.cached
    require_whole(outcome, resumed)


PROGRAM = """
import sys
from pathlib import Path
from test_run_queue import LONG, OPTIONS, SPLIT, Told
from dataclasses import replace
from refeed.experiments.run_queue import run_all
if __name__ == "__main__":
    run = replace(LONG, options=replace(OPTIONS, epochs=100_000))
    print("begin", flush=True)
    told = Told(after=5, do=lambda: print("under way", flush=True))
    run_all([run], SPLIT, Path(sys.argv[1]), workers=1, threads=1, watcher=told)
"""


@pytest.mark.slow
def test_kill_of_the_parent_leaves_no_process_behind(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    with subprocess.Popen(
        [sys.executable, program, tmp_path / "out"], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert [parent.stdout.readline(), parent.stdout.readline()] == ["begin\n", "under way\n"]
        (worker,) = re.findall(r"\d+", Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text())[-1:]
        parent.kill()
    for _ in range(600):
        if not Path(f"/proc/{worker}").exists():
            break
        time.sleep(0.1)
    else:
        pytest.fail("the worker goes on without its parent")
    (folder,) = (tmp_path / "out" / RUNS).iterdir()
    assert (folder / CHECKPOINT).is_dir()


def test_damaged_outcome_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run_queue, "Crew", no_processes)
    folder = tmp_path / RUNS / WILD.fingerprint(SPLIT.fingerprint)
    folder.mkdir(parents=True)
    for text in ("{", json.dumps({"outcome": {"log": []}})):
        (folder / OUTCOME).write_text(text)
        with pytest.raises(BundleError, match="Delete that folder, and the run is done again"):
            go([WILD], tmp_path)


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"threads": 0}])
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match="expected at least 1, got 0"):
        go([WILD], tmp_path, **wrong)


def test_nothing_to_do_is_done_at_once(tmp_path):
    assert go([], tmp_path) == []
    assert not any(tmp_path.iterdir())
