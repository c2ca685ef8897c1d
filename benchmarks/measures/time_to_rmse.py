"""Time to the best validation error that the dense reference reaches with the paper's settings, on MovieLens 1M."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from data.movielens import movielens_split
from harness.own_process import apart
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from measures.learning_curve import Curve, dense_curve, refeed_curve
from refeed.data.splits.base import Split
from refeed.errors import TrainingError
from refeed.presets import preset
from refeed.runtime import Runtime

CLOSE = 0.001  # the dense reference is done once it is this close to its best


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        dense_preset: settings of the dense reference.
        refeed_preset: ours.
        dense_epochs: of the dense reference; None takes the preset's.
        seeds: runs of ours, with seeds 0, 1, …
    """

    dense_preset: str = "paper-6-months"
    refeed_preset: str = "autoencoder"
    dense_epochs: int | None = None
    seeds: int = 3


FULL = Extent()
SMALL = Extent(dense_epochs=4, seeds=1)


def measure(bench: Workbench, extent: Extent) -> Found:
    """The share of the dense reference's time, both times and both errors."""
    return compare(movielens_split(), bench, extent)


def compare(split: Split, bench: Workbench, extent: Extent) -> Found:
    """The same on any split."""
    theirs, settings = preset(extent.dense_preset), preset(extent.refeed_preset)
    options = replace(theirs.training, epochs=extent.dense_epochs or theirs.training.epochs)
    dense = apart("dense", dense_curve, theirs.model, split, options, 0, threads=bench.threads)
    ours = [
        apart("refeed", refeed_curve, settings.model, split, settings.training, runtime, threads=bench.threads)
        for runtime in (Runtime(threads=bench.threads, seed=seed) for seed in range(extent.seeds))
    ]
    reached = [_reached(curve, dense.best, extent.refeed_preset) for curve in ours]
    dense_reached = _reached(dense, dense.best + CLOSE, extent.dense_preset)
    what = f"to a validation RMSE of {dense.best:.4f}"
    share = Spread.of([seconds / dense_reached for seconds in reached])
    return Found(
        figures=(
            Figure(f"time {what}: refeed over the dense reference", "times", share, goal=0.05, better="below"),
            Figure(f"time {what}: refeed, `{extent.refeed_preset}`", "s", Spread.of(reached)),
            Figure(f"time {what}: dense reference, `{extent.dense_preset}`", "s", Spread.of([dense_reached])),
            Figure(
                f"best validation error: refeed, `{extent.refeed_preset}`", "RMSE", Spread.of([curve.best for curve in ours])
            ),
        ),
        series={"curves": {"dense reference": _series(dense), "refeed": _series(ours[0])}},
        remarks=(
            f"The dense reference trains with the paper's settings and needs to come within {CLOSE} of its best, refeed has to "
            "reach that best; both clocks count the validation after each epoch.",
        ),
    )


def _reached(curve: Curve, bound: float, name: str) -> float:
    """Seconds to an error of at most `bound`.

    Raises:
        TrainingError: the run never came there.
    """
    seconds = curve.first_at(bound)
    if seconds is None:
        raise TrainingError(f"{name}: never reached a validation RMSE of {bound:.4f}, its best is {curve.best:.4f}")
    return seconds


def _series(curve: Curve) -> dict[str, Any]:
    return {"seconds": curve.seconds, "rmse": curve.rmse}
