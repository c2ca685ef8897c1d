"""`run_all`: many runs side by side within a thread budget, each done once and kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from refeed.data.splits.base import Split
from refeed.errors import BundleError, ConfigError, InterruptedTrainingError
from refeed.runs.crew import Crew
from refeed.runs.progress import QueueWatcher
from refeed.runs.run import Outcome, Run
from refeed.runs.split_folder import SplitFolder
from refeed.runs.worker import OUTCOME, Progressed, Task

RUNS, SPLITS = "runs", "splits"


def run_all(
    runs: Sequence[Run], split: Split, folder: Path, *, workers: int, threads: int, watcher: QueueWatcher
) -> list[Outcome]:
    """Do every run that was not done before, several at a time, and give the outcomes in the order of `runs`.

    A run is known by its fingerprint and kept under `folder`/runs; equal ones are done once. One that was cut off (by Ctrl-C, a
    kill, a power cut) goes on from its last checkpoint, and ends as if it had never been cut off. The workers are new processes
    that import the main module, so a script calls this under the usual `if __name__ == "__main__":`.

    Args:
        runs: what to do; every setting is done with the lowest seed before any is done again.
        split: the ratings of all of them.
        folder: where everything is kept; made where it is not there.
        workers: processes at a time, at least 1.
        threads: CPU threads in all, shared out among the workers; each has at least 1.
        watcher: told how it goes.

    Raises:
        ConfigError: a number out of its range.
        TrainingError: a run failed (the message names it), or its process ended.
        InterruptedTrainingError: Ctrl-C; the runs under way have left checkpoints.
        BundleError: what is kept of a run is damaged.
        StorageError: the folder cannot be written.
    """
    for name, value in (("workers", workers), ("threads", threads)):
        if value < 1:
            raise ConfigError(f"{name}: expected at least 1, got {value}")
    fingerprints = [run.fingerprint(split.fingerprint) for run in runs]
    tasks = {one: Task(run, folder / RUNS / one) for one, run in reversed(list(zip(fingerprints, runs, strict=True)))}
    known = {one for one, task in tasks.items() if (task.folder / OUTCOME).is_file()}
    missing = sorted((tasks[one] for one in reversed(tasks) if one not in known), key=lambda task: task.run.seed)
    if missing:
        split_folder = SplitFolder(folder / SPLITS / split.fingerprint)
        split_folder.write(split)
        _work_off(
            missing, split_folder, workers=min(workers, len(missing)), threads=max(1, threads // workers), watcher=watcher
        )
    return [
        kept_outcome(replace(tasks[one], run=run), cached=one in known) for one, run in zip(fingerprints, runs, strict=True)
    ]


def _work_off(tasks: Sequence[Task], split_folder: SplitFolder, *, workers: int, threads: int, watcher: QueueWatcher) -> None:
    """Do the tasks, `workers` at a time, each with so many threads; Ctrl-C lets them come to a good end."""
    watcher.start([task.run for task in tasks], workers=workers)
    done = 0

    def progressed(task: Task, how_far: Progressed) -> None:
        watcher.progress(task.run, epoch=how_far.epoch, epochs=how_far.epochs, seconds=how_far.seconds)

    def ended(task: Task) -> None:
        nonlocal done
        done += 1
        watcher.end(kept_outcome(task, cached=False))

    try:
        with Crew(workers, split_folder, threads=threads) as crew:
            try:
                crew.work_off(tasks, progressed=progressed, ended=ended)
            except KeyboardInterrupt:
                watcher.stopping()
                raise InterruptedTrainingError(
                    f"stopped with {done} of {len(tasks)} runs done; give the same command again to go on from there"
                ) from None
    finally:
        watcher.stop()


def kept_outcome(task: Task, *, cached: bool) -> Outcome:
    """What is kept of a run that was done.

    Raises:
        BundleError: it is damaged.
    """
    path = task.folder / OUTCOME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))["outcome"]
        return Outcome.from_dict(task.run, values, task.folder, cached=cached)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged ({error})\n  Delete that folder, and the run is done again.") from error
