"""The paper's five ablations by name, and doing them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from refeed.data.splits.base import Split
from refeed.reproduce.ablations import activations, depth, dropout, refeeding, width
from refeed.reproduce.ablations.grid import Experiment, ExperimentResult, results_of
from refeed.reproduce.scales import Scale
from refeed.runs.progress import QueueWatcher
from refeed.runs.queue import run_all

EXPERIMENTS: dict[str, Experiment] = {
    one.name: one
    for one in (activations.EXPERIMENT, width.EXPERIMENT, depth.EXPERIMENT, dropout.EXPERIMENT, refeeding.EXPERIMENT)
}


def run_experiments(
    experiments: Sequence[Experiment],
    split: Split,
    scale: Scale,
    seeds: Sequence[int],
    folder: Path,
    *,
    workers: int,
    threads: int,
    watcher: QueueWatcher,
) -> list[ExperimentResult]:
    """Do the runs of all the experiments side by side; the test part is not looked at.

    Args:
        experiments: which.
        split: the ratings.
        scale: the budget.
        seeds: of each setting, at least one.
        folder: where runs are kept.
        workers: runs at a time.
        threads: CPU threads in all.
        watcher: told how it goes.

    Raises:
        RefeedError: see `run_all`.
    """
    grids = [one.grid(scale, seeds) for one in experiments]
    runs = [run for lines in grids for line in lines for run in line.runs]
    outcomes = iter(run_all(runs, split, folder, workers=workers, threads=threads, watcher=watcher))
    return [
        results_of(one, scale, lines, [next(outcomes) for line in lines for _ in line.runs])
        for one, lines in zip(experiments, grids, strict=True)
    ]
