"""The same job by other libraries: rating prediction on the same split of MovieLens 1M, time to fit and test error."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from data.movielens import movielens_split
from harness.measuring import timed
from harness.own_process import apart
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from measures.peer_models import PEERS, Predict
from refeed.data.ratings import Ratings
from refeed.data.splits.base import Split
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import Bias, Spec
from refeed.optim.options import TrainingOptions
from refeed.presets import preset
from refeed.runtime import Runtime
from refeed.training.train import train

OWN, OWN_BIASES = "refeed `autoencoder`", "refeed user and item biases"


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: fits of each model, refeed's with other seeds.
        names: of `PEERS`.
        penalties: at most so many of each peer's are tried.
        epochs: of refeed's preset `autoencoder`; None takes the preset's.
    """

    rounds: int = 3
    names: tuple[str, ...] = tuple(PEERS)
    penalties: int | None = None
    epochs: int | None = None


@dataclass
class Runs:
    """Fits of one model.

    Attributes:
        seconds: of each fit.
        errors: its test RMSE.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def add(self, seconds: float, error: float) -> None:
        """One more fit."""
        self.seconds.append(seconds)
        self.errors.append(error)

    @property
    def medians(self) -> dict[str, float]:
        """For the file."""
        return {"seconds": float(np.median(self.seconds)), "rmse": float(np.median(self.errors))}


FULL = Extent()
SMALL = Extent(rounds=1, penalties=1)


def measure(bench: Workbench, extent: Extent) -> Found:
    """Time and test error of refeed and of each peer that is installed, and the ratio of the times."""
    return compare(movielens_split(), bench, extent)


def compare(split: Split, bench: Workbench, extent: Extent) -> Found:
    """The same on any split."""
    network = preset("autoencoder")
    options = replace(network.training, epochs=extent.epochs or network.training.epochs)
    own = {OWN: network.model, OWN_BIASES: Bias()}
    runs = {
        name: apart("refeed", refeed_runs, spec, split, options, bench.threads, extent.rounds, threads=bench.threads)
        for name, spec in own.items()
    }
    remarks = ["The settings of each peer are its best of a few L2 penalties on the validation set; that search is not timed."]
    for name in extent.names:
        peer, penalties = PEERS[name], PEERS[name].penalties[: extent.penalties]
        if importlib.util.find_spec(peer.module) is None:
            remarks.append(f"{peer.library} is not installed here.")
            continue
        penalty, run = apart("peer", peer_runs, name, penalties, split, bench.threads, extent.rounds, threads=bench.threads)
        version = importlib.metadata.version(peer.library)
        runs[f"{peer.library} {version}: {peer.about}, penalty {penalty:g}"] = run
    return Found(tuple(_figures(runs)), {"peers": {name: run.medians for name, run in runs.items()}}, tuple(remarks))


def refeed_runs(spec: Spec, split: Split, options: TrainingOptions, threads: int, rounds: int) -> Runs:
    """Fits of one of refeed's models with seeds 0, 1, …"""
    runs, histories = Runs(), Histories.of_training(split.train)
    for seed in range(rounds):
        seconds, fitted = timed(partial(train, spec, split, options, runtime=Runtime(threads=threads, seed=seed)))
        runs.add(seconds, _rmse(predict_ratings(fitted.scorer(), histories, split.test), split.test))
    return runs


def peer_runs(name: str, penalties: Sequence[float], split: Split, threads: int, rounds: int) -> tuple[float, Runs]:
    """The penalty of a peer's lowest validation RMSE, and its fits with that."""
    runs, peer = Runs(), PEERS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the other libraries
        fits = {penalty: partial(peer.fit, split.train, penalty=penalty, threads=threads) for penalty in penalties}
        best = min(penalties, key=lambda penalty: _rmse(_predictions(fits[penalty](), split.valid), split.valid))
        for _ in range(rounds):
            seconds, predict = timed(fits[best])
            runs.add(seconds, _rmse(_predictions(predict, split.test), split.test))
    return best, runs


def _figures(runs: Mapping[str, Runs]) -> list[Figure]:
    """Time and error of each, and how much longer refeed's network takes than each peer."""
    figures = []
    for name, run in runs.items():
        figures += [
            Figure(f"fit: {name}", "s", Spread.of(run.seconds)),
            Figure(f"test error: {name}", "RMSE", Spread.of(run.errors)),
        ]
        if name not in {OWN, OWN_BIASES}:
            ratio = Spread.of_ratio(runs[OWN].seconds, run.seconds)
            figures.append(Figure(f"time of {OWN} over that of {name}", "times", ratio))
    return figures


def _predictions(predict: Predict, part: Ratings) -> npt.NDArray[np.floating]:
    return predict(part.row_of_rating.astype(np.int64), np.asarray(part.indices, np.int64))


def _rmse(predictions: npt.NDArray[np.floating], part: Ratings) -> float:
    """Of predictions that are clipped to the scale first."""
    errors = part.scale.clip(predictions) - np.asarray(part.values, np.float64)
    return math.sqrt(float(np.square(errors).mean()))
