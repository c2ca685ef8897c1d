"""Progress of many runs."""

from __future__ import annotations

import abc

from refeed.progress import Callback, Message, Stopped
from refeed.runs.run import Outcome, Run
from refeed.runs.worker import Progressed


class RunsReport(abc.ABC):
    """Reports the progress of runs as events of the whole work.

    Args:
        progress: called with each event.

    Attributes:
        done: number of runs that are done.
    """

    def __init__(self, progress: Callback) -> None:
        self._progress, self.done = progress, 0

    @abc.abstractmethod
    def advance(self, run: Run, progressed: Progressed) -> None:
        """Report that some epochs of a run are done."""

    @abc.abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Report that a run is done, or was done before."""

    def interrupt(self) -> None:
        """Report that Ctrl-C was pressed."""
        self.message("stopping: the runs under way keep their state (Ctrl-C again ends them at once) …")

    def message(self, text: str) -> None:
        """Report a message."""
        self._progress(Message(text=text))

    def stop(self) -> None:
        """Report that the work is over."""
        self._progress(Stopped())
