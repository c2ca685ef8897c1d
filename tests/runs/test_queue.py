"""Many runs: real worker processes, cut off in every way and resumed."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.one_process import OneProcess
from helpers.small_worlds import Recorder, random_split, timeless
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError, TrainingError
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.progress import Advanced, Message, Started, Stopped
from refeed.runs import queue as run_queue
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


class Told(Recorder):
    """Keeps all events; after some epochs of a run it does something."""

    def __init__(self, *, after=0, do=lambda: None):
        super().__init__()
        self.after, self.do = after, do

    def __call__(self, event):
        super().__call__(event)
        if self.after and isinstance(event, Advanced) and f" epoch {self.after}/" in event.status:
            self.do()

    @property
    def statuses(self) -> list[str]:
        return [event.status for event in self.of(Advanced)]


def go(runs, folder, *, told=None, workers=1, threads=1):
    return run_all(runs, SPLIT, folder, workers=workers, threads=threads, progress=told or Told())


def expected_log(run):
    return timeless(train(run.spec, SPLIT, run.options, runtime=Runtime(threads=1, seed=run.seed)).provenance.log)


def spoilt(folder) -> Run:
    """A run that cannot be resumed."""
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
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)
    OneProcess.done.clear()
    outcomes = go(runs, tmp_path, workers=2, threads=4)
    assert [outcome.run for outcome in outcomes] == runs
    assert OneProcess.done == ["short/0", "wild", "biases", "short/1"]
    assert [outcome.status for outcome in outcomes] == ["finished", "finished", "diverged", "finished", "finished"]
    assert not any(outcome.cached for outcome in outcomes)
    assert {outcome.threads for outcome in outcomes} == {2}
    assert timeless(outcomes[0].log) == timeless(outcomes[4].log) == expected_log(short[0])
    assert outcomes[3].peak_memory > 100e6  # PyTorch alone is that much

    monkeypatch.setattr(run_queue, "WorkerPool", no_processes)
    again = go(runs, tmp_path, told=(quiet := Told()))
    assert again == [replace(outcome, cached=True) for outcome in outcomes]
    assert quiet.events == []


def test_events_say_how_many_runs_are_done_and_what_is_left_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)
    runs = [Run("net", SPEC, replace(OPTIONS, epochs=2), 0), WILD]
    go(runs, tmp_path, told=(told := Told()))
    assert told.events[0] == Started(task="0/2 runs", total=1.0) and told.events[-1] == Stopped()
    assert told.statuses == [
        "0/2 runs  net epoch 0/2",
        "0/2 runs  net epoch 1/2",
        "0/2 runs  net epoch 2/2",
        "1/2 runs  net done",
        "1/2 runs  wild epoch 0/30",
        "2/2 runs  wild done",
    ]
    before, first, *_, last = told.of(Advanced)
    assert (before.seconds_left, before.completed) == (None, 0.0)
    assert first.seconds_left > 0 and first.completed == pytest.approx(1 / 32)  # an epoch of one run, 31 of both are left
    assert (last.seconds_left, last.completed, last.is_notable) == (0.0, 1.0, True)
    assert [message.text.partition(" (")[0] for message in told.of(Message)] == ["wild: diverged"]


def require_cut(folder):
    """There is a checkpoint and no outcome, and no process is left."""
    (kept,) = (folder / RUNS).iterdir()
    assert (kept / CHECKPOINT).is_dir() and not (kept / OUTCOME).exists()
    assert multiprocessing.active_children() == []


def require_whole(outcome, resumed):
    """The run was resumed, and came out as if it had never been cut off."""
    assert " epoch 0/" not in resumed.statuses[0]
    assert timeless(outcome.log) == expected_log(LONG)
    assert len(outcome.test_predictions()) == len(SPLIT.test)
    assert not (outcome.folder / CHECKPOINT).exists()


def test_run_cut_off_by_ctrl_c_goes_on_and_equals_the_uninterrupted_one(tmp_path, monkeypatch):
    told = Told(after=5, do=lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(
        InterruptedTrainingError, match="stopped with 0 of 1 runs done; give the same command again to continue"
    ):
        go([LONG], tmp_path, told=told)
    assert told.of(Message)[0].text.startswith("stopping: ") and told.events[-1] == Stopped()
    require_cut(tmp_path)
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)
    (outcome,) = go([LONG], tmp_path, told=(resumed := Told()))
    require_whole(outcome, resumed)


def test_run_whose_process_was_killed_goes_on_and_one_that_fails_is_named(tmp_path):
    def kill():
        (process,) = multiprocessing.active_children()
        os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match="long: its process was killed by signal 9\n  Perhaps the memory was full"):
        go([LONG], tmp_path, told=Told(after=5, do=kill))
    require_cut(tmp_path)
    resumed = Told()
    with pytest.raises(TrainingError, match=r"spoilt: .*damaged checkpoint"):
        go([LONG, spoilt(tmp_path)], tmp_path, told=resumed)
    assert "1/2 runs  long done" in resumed.statuses and resumed.events[-1] == Stopped()
    (outcome,) = go([LONG], tmp_path)
    assert outcome.cached
    require_whole(outcome, resumed)


PROGRAM = """
import sys
from pathlib import Path
from test_queue import LONG, OPTIONS, SPLIT, Told
from dataclasses import replace
from refeed.runs.queue import run_all
if __name__ == "__main__":
    run = replace(LONG, options=replace(OPTIONS, epochs=100_000))
    print("begin", flush=True)
    told = Told(after=5, do=lambda: print("under way", flush=True))
    run_all([run], SPLIT, Path(sys.argv[1]), workers=1, threads=1, progress=told)
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
        handle = os.pidfd_open(int(worker))
        parent.kill()
    ended, _, _ = select.select([handle], [], [], 60)
    os.close(handle)
    assert ended, "the worker goes on without its parent"
    (folder,) = (tmp_path / "out" / RUNS).iterdir()
    assert (folder / CHECKPOINT).is_dir()


def test_damaged_outcome_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run_queue, "WorkerPool", no_processes)
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
