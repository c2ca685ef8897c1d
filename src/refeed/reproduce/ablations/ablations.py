"""The paper's five ablations by name, and running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from refeed.data.splits.base import Split
from refeed.progress import Callback, silent
from refeed.reproduce.ablations import activations, depth, dropout, refeeding, width
from refeed.reproduce.ablations.grid import Experiment, ExperimentResult, results_of
from refeed.reproduce.scales import Scale
from refeed.runs.queue import run_all

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        activations.EXPERIMENT,
        width.EXPERIMENT,
        depth.EXPERIMENT,
        dropout.EXPERIMENT,
        refeeding.EXPERIMENT,
    )
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
    progress: Callback = silent,
) -> list[ExperimentResult]:
    """Run all settings of the experiments side by side; the test set is not read.

    Args:
        experiments: the experiments to run.
        split: the ratings.
        scale: the budget.
        seeds: of each setting, at least one.
        folder: where runs are kept.
        workers: number of runs at a time.
        threads: number of CPU threads in all.
        progress: called with the events of the runs; see `run_all`.

    Raises:
        RefeedError: as `run_all` raises.
    """
    grids = [experiment.grid(scale, seeds) for experiment in experiments]
    runs = [run for settings in grids for setting in settings for run in setting.runs]
    outcomes = iter(run_all(runs, split, folder, workers=workers, threads=threads, progress=progress))
    return [results_of(experiment, settings, outcomes) for experiment, settings in zip(experiments, grids, strict=True)]
