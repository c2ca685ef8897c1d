"""A worker process, which does the runs that its parent sends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import override

from refeed.data.splits.base import Split
from refeed.errors import InterruptedTrainingError, RefeedError, TrainingError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import Ensemble
from refeed.progress import Event, Started, Stopped
from refeed.runs.peak_memory import peak_bytes, reset_peak
from refeed.runs.run import TEST_PREDICTIONS, Outcome, Run, num_parameters
from refeed.runs.split_folder import SplitFolder
from refeed.runtime import Runtime
from refeed.storage import atomic_file
from refeed.training.checkpoints import STATE_FILE, read_checkpoint
from refeed.training.events import EpochFinished, StepFinished
from refeed.training.train import train

OUTCOME, CHECKPOINT, ERROR = "outcome.json", "checkpoint", "error.txt"


@dataclass(frozen=True)
class Task:
    """A run to do, and the folder for its outcome."""

    run: Run
    folder: Path


@dataclass(frozen=True)
class Progressed:
    """`epoch` of `epochs` are done, the last one in so many seconds (None: the run was only started or resumed)."""

    epoch: int
    epochs: int
    seconds: float | None


@dataclass(frozen=True)
class Ended:
    """The run is over and its outcome is in its folder, or it failed with this error."""

    error: str = ""


STOP = None
"""In place of a task, and at any time during a run: keep the state of the run and end."""


def work(connection: Connection, split_folder: SplitFolder, threads: int) -> None:
    """Do the tasks received through the connection until `STOP` is received, or the parent is gone.

    Ctrl-C is handled by the parent alone, which then sends `STOP`; so the worker leaves the process group of the terminal.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    try:
        split = split_folder.open()
        while (task := connection.recv()) is not STOP:
            try:
                perform(task, split, connection, threads=threads)
            except InterruptedTrainingError:
                return
            except Exception as error:  # whatever it is, the parent reports which run failed
                connection.send(Ended(_reported(error, task.folder)))
            else:
                connection.send(Ended())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone


def perform(task: Task, split: Split, connection: Connection, *, threads: int) -> None:
    """Do one run, from its checkpoint where there is one, and write its outcome.

    Raises:
        InterruptedTrainingError: `STOP` was received; the state of the run is in its checkpoint.
        RefeedError: anything else but a loss that is not finite, which is an outcome.
    """
    run, folder = task.run, task.folder
    checkpoint = folder / CHECKPOINT
    reporter: Reporter
    if isinstance(run.spec, Ensemble):
        resume, reporter = checkpoint.is_dir(), MemberReporter(connection, run.epochs)
    else:
        resume = (checkpoint / STATE_FILE).is_file()
        reporter = Reporter(connection, list(read_checkpoint(checkpoint).progress["log"]) if resume else [])
    runtime = Runtime(threads=threads, seed=run.seed)
    status, message, best_epoch = "finished", "", None
    reset_peak()
    try:
        fitted = train(
            run.spec,
            split,
            run.options,
            runtime=runtime,
            progress=reporter,
            checkpoint_folder=checkpoint,
            resume=resume,
            keep_histories=False,
        )
    except InterruptedTrainingError:
        raise
    except TrainingError as error:
        status, message = "diverged", str(error).splitlines()[0]
    else:
        reporter.log, best_epoch = [*fitted.provenance.log], fitted.provenance.best_epoch
        if run.reads_test:
            predictions = predict_ratings(fitted.scorer(), Histories.of_training(split.train), split.test)
            with atomic_file(folder / TEST_PREDICTIONS, overwrite=True) as file:
                np.save(file, predictions)
    parameters = num_parameters(run.spec, split.train.num_users, split.train.num_items)
    outcome = _outcome(task, reporter.log, best_epoch, status=status, message=message, parameters=parameters, threads=threads)
    _write(outcome, split)
    shutil.rmtree(checkpoint, ignore_errors=True)


class Reporter:
    """Reports each epoch to the parent, keeps the log, and stops the run when the parent requests it.

    Args:
        connection: to the parent.
        log: the epochs that were done before the run was resumed.
    """

    def __init__(self, connection: Connection, log: list[Mapping[str, Any]]) -> None:
        self.log = log
        self._connection, self._epochs, self._stopping = connection, 0, False

    def __call__(self, event: Event) -> None:
        """Report an event of the training."""
        match event:
            case Started(total=total):
                self._epochs = int(total)
                self._send(len(self.log), None)
            case StepFinished():
                self._stop_if_requested()
            case EpochFinished(record=record):
                self.log.append(record.to_dict())
                self._send(record.epoch, record.seconds)

    def _send(self, done: int, seconds: float | None) -> None:
        if not self._stopping:
            self._connection.send(Progressed(done, self._epochs, seconds))

    def _stop_if_requested(self) -> None:
        """As if somebody pressed Ctrl-C in this process, where the parent says stop or is gone."""
        if not self._stopping and self._connection.poll():
            self._stopping = True
            signal.raise_signal(signal.SIGINT)


class MemberReporter(Reporter):
    """Reports each member of an ensemble, in each variant, as if it were an epoch.

    Args:
        connection: to the parent.
        members: number of them with all their variants.
    """

    def __init__(self, connection: Connection, members: int) -> None:
        super().__init__(connection, [])
        self._epochs, self._done, self._began = members, 0, 0.0

    @override
    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._began = time.monotonic()
                if self._done == 0:
                    self._send(0, None)
            case StepFinished():
                self._stop_if_requested()
            case Stopped():
                self._done += 1
                self._send(self._done, time.monotonic() - self._began)


def _outcome(
    task: Task,
    log: list[Mapping[str, Any]],
    best_epoch: int | None,
    *,
    status: Any,
    message: str,
    parameters: int,
    threads: int,
) -> Outcome:
    """The outcome of a run with this log; without a model, the best epoch is that with the lowest error so far."""
    errors = {record["epoch"]: record["valid_rmse"] for record in log if record["valid_rmse"] is not None}
    if best_epoch is None:
        best_epoch = min(errors, key=errors.__getitem__, default=0)
    return Outcome(
        run=task.run,
        status=status,
        message=message,
        log=tuple(log),
        best_epoch=best_epoch,
        valid_rmse=errors.get(best_epoch),
        parameters=parameters,
        seconds=sum(record["seconds"] for record in log),
        peak_memory=peak_bytes(),
        threads=threads,
        folder=task.folder,
    )


def _write(outcome: Outcome, split: Split) -> None:
    described = {"name": outcome.run.name, "split": split.fingerprint, **outcome.run.to_dict()}
    text = json.dumps({"run": described, "outcome": outcome.to_dict()}, indent=1, allow_nan=False)
    with atomic_file(outcome.folder / OUTCOME, overwrite=True) as file:
        file.write_text(text + "\n", encoding="utf-8")


def _reported(error: Exception, folder: Path) -> str:
    """The message of an error; the traceback of an unexpected one is written to a file beside the run."""
    if isinstance(error, RefeedError):
        return str(error)
    with atomic_file(folder / ERROR, overwrite=True) as file:
        file.write_text(traceback.format_exc(), encoding="utf-8")
    return f"{type(error).__name__}: {error}\n  The traceback is in {folder / ERROR}."
