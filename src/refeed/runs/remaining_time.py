"""Estimated remaining time of a queue of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refeed.runs.run import Run


@dataclass
class _Pace:
    """Number of epochs that are left of a run, and the seconds of those that were timed."""

    left: int
    timed: int = 0
    seconds: float = 0.0


class RemainingTime:
    """Estimates the remaining time from the epochs that are done.

    The time of an epoch of a run is estimated from its own epochs, else from those of a run that differs in the seed alone,
    else it is the mean over all runs that have started.

    Args:
        runs: to do.
        workers: number of runs at a time.
    """

    def __init__(self, runs: Sequence[Run], *, workers: int) -> None:
        self._workers = workers
        self._paces = {_key(run): _Pace(run.epochs) for run in runs}

    def advance(self, run: Run, *, epoch: int, epochs: int, seconds: float | None) -> None:
        """Note that `epoch` of `epochs` are done, the last one in so many seconds; None: it was not done here."""
        pace = self._paces[_key(run)]
        pace.left = epochs - epoch
        if seconds is not None:
            pace.timed, pace.seconds = pace.timed + 1, pace.seconds + seconds

    def finish(self, run: Run) -> None:
        """Note that a run is done."""
        self._paces[_key(run)].left = 0

    @property
    def share_done(self) -> float:
        """Share of the work that is done, 0 to 1; 0 as long as no epoch is."""
        left, done = self._work_left(), sum(pace.seconds for pace in self._paces.values())
        return 0.0 if left is None or done + sum(left) == 0 else done / (done + sum(left))

    @property
    def seconds(self) -> float | None:
        """Remaining seconds of all runs; None as long as no epoch is done."""
        left = self._work_left()
        return None if left is None else max(sum(left) / self._workers, *left)

    def _work_left(self) -> list[float] | None:
        """Remaining seconds of every run."""
        timed = [pace for pace in self._paces.values() if pace.timed]
        if not timed:
            return None
        mean = sum(pace.seconds / pace.timed for pace in timed) / len(timed)
        like = {recipe: pace.seconds / pace.timed for (recipe, _), pace in self._paces.items() if pace.timed}
        return [
            pace.left * (pace.seconds / pace.timed if pace.timed else like.get(recipe, mean))
            for (recipe, _), pace in self._paces.items()
        ]


def _key(run: Run) -> tuple[str, int]:
    """A run but for its seed, and the seed."""
    described = run.to_dict()
    return str({name: value for name, value in described.items() if name != "seed"}), run.seed
