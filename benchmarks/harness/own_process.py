"""Work in a process of its own, so that no side's allocator, threads or settings help or hinder the other."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

from harness.children import ChildError
from refeed.models import AutoEncoder
from refeed.optim.options import TrainingOptions
from refeed.runtime import BRIEF_SPIN, LoopsName

SideName = Literal["refeed", "dense", "peer"]
Result = TypeVar("Result")


def apart(side: SideName, work: Callable[..., Result], *arguments: object, threads: int) -> Result:
    """The result of `work` for these arguments in a new process, set up as that side is when it runs alone.

    Raises:
        ChildError: the process has ended without a result; an exception of `work` is raised as it is.
    """
    spawn = multiprocessing.get_context("spawn")
    with _environment(side), ProcessPoolExecutor(1, spawn, initializer=_set_up, initargs=(side, threads)) as executor:
        try:
            return executor.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise ChildError(f"{side} side: its process has failed") from error


@dataclass(frozen=True)
class Task:
    """What a side of a comparison trains.

    Attributes:
        side: refeed's own training, or the dense reference.
        store: the ratings.
        spec: the model.
        options: batch size, optimiser, re-feeding.
        steps: steps in a round.
        threads: of PyTorch.
        loops: of refeed's side; see `Runtime.loops`.
    """

    side: SideName
    store: Path
    spec: AutoEncoder
    options: TrainingOptions
    steps: int
    threads: int
    loops: LoopsName = "auto"


class OwnProcess:
    """Runs rounds of a task when called, as `measuring.Side`.

    Args:
        task: what to train.
    """

    def __init__(self, task: Task) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._task, (self._line, theirs) = task, spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(task, theirs), daemon=True)
        with _environment(task.side):
            self._process.start()
        theirs.close()

    def __call__(self, number: int) -> float:
        """Seconds of a step of this round.

        Raises:
            ChildError: the process has failed; the reason is on standard error.
        """
        try:
            self._line.send(number)
            return float(self._line.recv())
        except (EOFError, OSError) as error:
            raise ChildError(f"{self._task.side} side: its process has failed") from error

    def __enter__(self) -> OwnProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.close()
        self._process.join()


def _serve(task: Task, line: Connection) -> None:
    """Run the requested rounds until the other end closes."""
    from harness.training_sides import DenseSide, RefeedSide
    from refeed.data.store.store import open_store

    _set_up(task.side, task.threads)
    ratings = open_store(task.store)
    with closing(
        RefeedSide(task.spec, ratings, task.options, loops=task.loops)
        if task.side == "refeed"
        else DenseSide(task.spec, ratings, task.options)
    ) as side:
        while True:
            try:
                first = task.steps * line.recv()
            except (EOFError, KeyboardInterrupt):
                return
            began = time.perf_counter()
            for place in range(task.steps):
                side.step(first + place)
            line.send((time.perf_counter() - began) / task.steps)


def _set_up(side: SideName, threads: int) -> None:
    """Threads for every side; what refeed sets beside them is for refeed alone."""
    import torch

    from refeed.runtime import Runtime

    torch.set_num_threads(threads)
    if side == "refeed":
        Runtime(threads=threads).apply()


@contextmanager
def _environment(side: SideName) -> Iterator[None]:
    """The environment that a process of this side starts in: OpenMP reads it when PyTorch is loaded."""
    name, value = BRIEF_SPIN  # as the command line of refeed sets it
    if side != "refeed" or name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
