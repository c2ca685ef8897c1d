"""A queue of runs, done in parallel within a thread budget, each once and kept."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from types import TracebackType

from typing_extensions import override

from refeed.data.splits.base import Split
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError
from refeed.progress import Advanced, Callback, Finished, Started, silent
from refeed.runs.remaining_time import RemainingTime
from refeed.runs.report import RunsReport
from refeed.runs.run import Outcome, Run
from refeed.runs.split_folder import SplitFolder
from refeed.runs.worker import OUTCOME, Progressed, Task
from refeed.runs.worker_pool import WorkerPool

RUNS, SPLITS = "runs", "splits"


def run_all(
    runs: Sequence[Run], split: Split, folder: Path, *, workers: int, threads: int, progress: Callback = silent
) -> list[Outcome]:
    """Do all runs that were not done before, several at a time, and return the outcomes in the order of `runs`.

    A run is identified by its fingerprint and kept under `folder`/runs; equal runs are done once. A run that was cut off (by
    Ctrl-C, a kill, a power cut) is resumed from its last checkpoint, with the outcome of an uninterrupted one. The workers are
    new processes that import the main module, so a script calls this under the usual `if __name__ == "__main__":`.

    Args:
        runs: to do; those with the lowest seed first.
        split: the ratings.
        folder: where everything is kept; it is created if necessary.
        workers: number of processes, at least 1.
        threads: number of CPU threads in all, shared among the workers; each has at least 1.
        progress: called with each event.

    Raises:
        ConfigError: a number out of its range.
        TrainingError: a run failed (the message names it), or its process ended.
        InterruptedTrainingError: Ctrl-C; the unfinished runs have left checkpoints.
        BundleError: what is kept of a run is damaged.
        StorageError: the folder cannot be written.
    """
    for name, value in (("workers", workers), ("threads", threads)):
        if value < 1:
            raise ConfigError(f"{name}: expected at least 1, got {value}")
    missing = _missing(_tasks(runs, split, folder))
    share = max(1, threads // workers)
    workers = max(1, min(workers, len(missing)))
    report = _QueueReport(missing, progress if missing else silent, workers=workers)
    try:
        with RunQueue(split, folder, workers=workers, threads=share) as queue:
            outcomes = queue.run(runs, report)
            if queue.interrupted:
                raise InterruptedTrainingError(
                    f"stopped with {report.done} of {len(missing)} runs done; give the same command again to continue"
                )
    finally:
        report.stop()
    return [outcome for outcome in outcomes if outcome is not None]


class RunQueue:
    """Does runs in parallel; its processes start with the first run that was not done before, and end with the `with` block.

    Args:
        split: the ratings.
        folder: where runs are kept.
        workers: number of processes.
        threads: number of CPU threads of a process.

    Attributes:
        interrupted: whether Ctrl-C was pressed.
    """

    def __init__(self, split: Split, folder: Path, *, workers: int, threads: int) -> None:
        self._split, self._folder = split, folder
        self._workers, self._threads = workers, threads
        self._pool: WorkerPool | None = None
        self._open = ExitStack()
        self.interrupted = False

    def __enter__(self) -> RunQueue:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    def run(self, runs: Sequence[Run], report: RunsReport, *, until: float = math.inf) -> list[Outcome | None]:
        """Do the runs that were not done before, and return all outcomes; None for runs that did not start or did not end.

        Ctrl-C ends the wait and sets `interrupted`; unfinished runs then keep their state as the `with` block ends.

        Args:
            runs: to do.
            report: receives what happens.
            until: no run starts later, in seconds of `time.monotonic`.

        Raises:
            TrainingError: a run failed for another reason than a loss that is not finite, or its process ended.
            BundleError: what is kept of a run is damaged.
            StorageError: the folder cannot be written.
        """
        tasks = _tasks(runs, self._split, self._folder)
        missing = _missing(tasks)
        folders = {task.folder for task in missing}
        for task in tasks:
            if task.folder not in folders:
                report.finish(kept_outcome(task, cached=True))
        try:
            if missing:
                in_time = takewhile(lambda _: time.monotonic() < until, missing)
                self._started().run(
                    in_time,
                    progressed=lambda task, progressed: report.advance(task.run, progressed),
                    ended=lambda task: report.finish(kept_outcome(task, cached=False)),
                )
        except KeyboardInterrupt:
            report.interrupt()
            self.interrupted = True
        return [kept_outcome(task, cached=task.folder not in folders) if _is_done(task) else None for task in tasks]

    def _started(self) -> WorkerPool:
        """The worker processes, started where they were not."""
        if self._pool is None:
            split_folder = SplitFolder(self._folder / SPLITS / self._split.fingerprint)
            split_folder.write(self._split)
            self._pool = self._open.enter_context(WorkerPool(self._workers, split_folder, threads=self._threads))
        return self._pool


class _QueueReport(RunsReport):
    """Reports the progress of a queue, with the time that is left of all runs."""

    def __init__(self, tasks: Sequence[Task], progress: Callback, *, workers: int) -> None:
        super().__init__(progress)
        self._total, self._remaining = len(tasks), RemainingTime([task.run for task in tasks], workers=workers)
        progress(Started(task=f"0/{self._total} runs", total=1.0))

    @override
    def advance(self, run: Run, progressed: Progressed) -> None:
        epoch, epochs = progressed.epoch, progressed.epochs
        self._remaining.advance(run, epoch=epoch, epochs=epochs, seconds=progressed.seconds)
        self._progress(self._event(Advanced, f"{run.name} epoch {epoch}/{epochs}"))

    @override
    def finish(self, outcome: Outcome) -> None:
        if outcome.cached:
            return
        self.done += 1
        self._remaining.finish(outcome.run)
        if outcome.status == "diverged":
            self.message(f"{outcome.run.name}: diverged ({outcome.message})")
        self._progress(self._event(Finished, f"{outcome.run.name} done", is_notable=self.done == self._total))

    def _event(self, kind: type[Advanced], what: str, **more: bool) -> Advanced:
        status = f"{self.done}/{self._total} runs  {what}"
        return kind(completed=self._remaining.share_done, status=status, seconds_left=self._remaining.seconds, **more)


def _tasks(runs: Sequence[Run], split: Split, folder: Path) -> list[Task]:
    return [Task(run, folder / RUNS / run.fingerprint(split.fingerprint)) for run in runs]


def _missing(tasks: Sequence[Task]) -> list[Task]:
    """Tasks that were not done before, the lowest seeds first and equal tasks once."""
    first: dict[Path, Task] = {}
    for task in tasks:
        if not _is_done(task):
            first.setdefault(task.folder, task)
    return sorted(first.values(), key=lambda task: task.run.seed)


def _is_done(task: Task) -> bool:
    return (task.folder / OUTCOME).is_file()


def kept_outcome(task: Task, *, cached: bool) -> Outcome:
    """Read the outcome of a run that was done.

    Raises:
        BundleError: the file is damaged.
    """
    path = task.folder / OUTCOME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["outcome"]
        return Outcome.from_dict(task.run, values, task.folder, cached=cached)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged ({error})\n  Delete that folder, and the run is done again.") from error
