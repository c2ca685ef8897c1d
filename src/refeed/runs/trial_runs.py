"""Doing the trials of a search: one crew for all of them, each trial once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from types import TracebackType

from refeed.data.splits.base import Split
from refeed.runs.crew import Crew
from refeed.runs.queue import RUNS, SPLITS, kept_outcome
from refeed.runs.run import Outcome, Run
from refeed.runs.split_folder import SplitFolder
from refeed.runs.worker import OUTCOME, Progressed, Task
from refeed.tuning.progress import TuningWatcher


class TrialRuns:
    """Does runs side by side; its processes begin with the first run that was not done before, and end with the `with` block.

    Args:
        split: the ratings.
        folder: where runs are kept.
        workers: processes.
        threads: CPU threads of each.
        watcher: told how it goes.
    """

    def __init__(self, split: Split, folder: Path, *, workers: int, threads: int, watcher: TuningWatcher) -> None:
        self._split, self._folder, self._watcher = split, folder, watcher
        self._workers, self._threads = workers, threads
        self._crew: Crew | None = None
        self._open = ExitStack()
        self.interrupted = False

    def __enter__(self) -> TrialRuns:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    def run(self, runs: Sequence[Run], *, until: float) -> list[Outcome | None]:
        """Do these runs, as far as they were not done before; None for those that did not begin or did not end.

        Ctrl-C ends the wait and sets `interrupted`; runs under way then keep their state as the `with` block ends.

        Args:
            runs: what to do.
            until: no run begins later, in seconds of `time.monotonic`.

        Raises:
            TrainingError: a run failed for another reason than a loss that is not finite, or its process ended.
            BundleError: what is kept of a run is damaged.
            StorageError: the folder cannot be written.
        """
        tasks = [Task(run, self._folder / RUNS / run.fingerprint(self._split.fingerprint)) for run in runs]
        missing = {task.folder: task for task in tasks if not (task.folder / OUTCOME).is_file()}
        for task in tasks:
            if task.folder not in missing:
                self._watcher.end(kept_outcome(task, cached=True))

        def progressed(task: Task, how_far: Progressed) -> None:
            self._watcher.progress(task.run, epoch=how_far.epoch, epochs=how_far.epochs)

        def ended(task: Task) -> None:
            for one in tasks:
                if one.folder == task.folder:
                    self._watcher.end(kept_outcome(one, cached=False))

        try:
            if missing:
                in_time = takewhile(lambda _: time.monotonic() < until, missing.values())
                self._working().work_off(in_time, progressed=progressed, ended=ended)
        except KeyboardInterrupt:
            self._watcher.stopping()
            self.interrupted = True
        return [
            kept_outcome(task, cached=task.folder not in missing) if (task.folder / OUTCOME).is_file() else None
            for task in tasks
        ]

    def _working(self) -> Crew:
        """The crew, begun where it was not."""
        if self._crew is None:
            split_folder = SplitFolder(self._folder / SPLITS / self._split.fingerprint)
            split_folder.write(self._split)
            self._crew = self._open.enter_context(Crew(self._workers, split_folder, threads=self._threads))
        return self._crew
