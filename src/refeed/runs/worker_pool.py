"""A pool of worker processes that do runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType

from refeed.errors import TrainingError
from refeed.runs.split_folder import SplitFolder
from refeed.runs.worker import STOP, Ended, Progressed, Task, work

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerPool:
    """New Python processes that live as long as the `with` block, each with a pipe to this one.

    At the end of the block they are stopped: an idle one ends at once, a busy one after its current step, when it has written a
    checkpoint. Ctrl-C while waiting for that ends them at once.

    Unlike `concurrent.futures.ProcessPoolExecutor` it passes on the progress of a run, lets runs keep their state when it is
    stopped, and knows which run was lost with a process that was killed.

    Args:
        size: number of processes, at least 1.
        split_folder: the ratings of all tasks.
        threads: CPU threads of each process.
    """

    def __init__(self, size: int, split_folder: SplitFolder, *, threads: int) -> None:
        self._arguments = split_folder, threads
        self._size, self._threads = size, threads
        self._processes: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> WorkerPool:
        context = get_context("spawn")
        with _inherited_by_workers(self._threads):
            for _ in range(self._size):
                here, there = context.Pipe()
                process = context.Process(target=work, args=(there, *self._arguments), daemon=True)
                process.start()
                there.close()  # so that the worker's end of the pipe is open in the worker alone, and its death is noticed
                self._processes[here] = process
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            for connection in self._processes:
                with suppress(OSError):  # its process is gone already
                    connection.send(STOP)
            for process in self._processes.values():
                process.join()
        finally:
            for connection, process in self._processes.items():
                process.kill()
                process.join()
                connection.close()

    def run(
        self, tasks: Iterable[Task], *, progressed: Callable[[Task, Progressed], None], ended: Callable[[Task], None]
    ) -> None:
        """Do the tasks in order, each taken from `tasks` when a process is free for it, until all are done.

        Args:
            tasks: to do.
            progressed: called with a task and how far it is.
            ended: called with each task that is done.

        Raises:
            TrainingError: a task failed, or its process ended.
        """
        waiting, busy = iter(tasks), dict[Connection, Task]()
        idle = list(self._processes)
        while True:
            while idle and (task := next(waiting, None)) is not None:
                connection = idle.pop()
                busy[connection] = task
                self._send(connection, task)
            if not busy:
                return
            ready = wait(list(busy))
            for connection in [connection for connection in busy if connection in ready]:
                message = self._received(connection, busy[connection])
                if isinstance(message, Progressed):
                    progressed(busy[connection], message)
                    continue
                if message.error:
                    raise TrainingError(f"{busy[connection].run.name}: {message.error}")
                ended(busy.pop(connection))
                idle.append(connection)

    def _send(self, connection: Connection, task: Task) -> None:
        try:
            connection.send(task)
        except OSError:
            raise self._died(connection, task) from None

    def _received(self, connection: Connection, task: Task) -> Progressed | Ended:
        try:
            message: Progressed | Ended = connection.recv()
        except (EOFError, OSError):
            raise self._died(connection, task) from None
        return message

    def _died(self, connection: Connection, task: Task) -> TrainingError:
        process = self._processes[connection]
        process.join()
        code = process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        hint = "  Perhaps the memory was full: give fewer workers.\n" if code == -signal.SIGKILL else ""
        return TrainingError(f"{task.run.name}: its process {how}\n{hint}  Give the same command again to go on.")


@contextmanager
def _inherited_by_workers(threads: int) -> Iterator[None]:
    """Give processes that are started in this block few threads, and make them ignore Ctrl-C, from their first moment."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    is_main = threading.current_thread() is threading.main_thread()  # only this thread may set handlers
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if is_main else None
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if is_main:
            signal.signal(signal.SIGINT, handler)
