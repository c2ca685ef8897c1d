"""Runs of experiments in this process, so that tests need not wait for new ones to import PyTorch."""

from __future__ import annotations

from typing import ClassVar

from refeed.runs.worker import perform


class OneProcess:
    """Stands in for `runs.worker_pool.WorkerPool`; messages of workers are delivered when the run is over.

    Attributes:
        done: names of all runs that were done, since the last `done.clear()`.
    """

    done: ClassVar[list[str]] = []

    def __init__(self, size, split_folder, *, threads):
        self.split, self.threads = split_folder.open(), threads

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def run(self, tasks, *, progressed, ended):
        for task in tasks:
            pipe = _Pipe()
            perform(task, self.split, pipe, threads=self.threads)
            for message in pipe.messages:
                progressed(task, message)
            self.done.append(task.run.name)
            ended(task)


class _Pipe:
    """Nobody says stop."""

    def __init__(self):
        self.messages = []

    def poll(self):
        return False

    def send(self, message):
        self.messages.append(message)
