"""A training run and its outcome."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from refeed.config import to_dict
from refeed.errors import ConfigError
from refeed.models import Ensemble, Spec
from refeed.optim.options import TrainingOptions
from refeed.version import __version__

TEST_PREDICTIONS = "test_predictions.npy"


@dataclass(frozen=True)
class Run:
    """A model to train, with its options and seed.

    Attributes:
        name: shown to users, for example "activations/selu/0"; not part of the fingerprint.
        spec: the model.
        options: how it is trained; not used by a model that has no training options.
        seed: of the run.
        reads_test: whether the test set is predicted after training; otherwise it is never read.
    """

    name: str
    spec: Spec
    options: TrainingOptions
    seed: int
    reads_test: bool = False

    @property
    def epochs(self) -> int:
        """Maximal number of epochs; of an ensemble, the number of its members in all their variants."""
        if isinstance(self.spec, Ensemble):
            return sum(len(member.variants) for member in self.spec.members)
        return self.options.epochs if self.spec.uses_training_options else int(to_dict(self.spec).get("epochs", 1))

    def to_dict(self) -> dict[str, Any]:
        """All that the outcome depends on except the ratings, as plain JSON values."""
        return {
            "refeed": __version__,
            "sources": _sources_digest(),
            "torch": torch.__version__,
            "model": {"kind": self.spec.kind, **to_dict(self.spec)},
            "training": to_dict(self.options) if self.spec.uses_training_options else {},
            "seed": self.seed,
            "reads_test": self.reads_test,
        }

    def fingerprint(self, split_fingerprint: str) -> str:
        """A hash (32 hex digits) of all that the outcome depends on, given the fingerprint of the split."""
        described = json.dumps({**self.to_dict(), "split": split_fingerprint}, sort_keys=True)
        return hashlib.blake2b(described.encode(), digest_size=16).hexdigest()


@cache
def _sources_digest() -> str:
    """A hash of the sources that outcomes depend on, so that runs of other code are done again."""
    digest, package = hashlib.blake2b(digest_size=16), Path(__file__).parent.parent
    for room in ("data", "inference", "intervals", "models", "optim", "readers", "training"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        run: the run.
        status: "diverged" where the loss or the model was not finite any more; that is a result, not an error.
        message: why it diverged, empty otherwise.
        log: one dict per epoch (of an ensemble: per member) with the fields of `training.events.EpochRecord` (epoch,
            train_rmse, valid_rmse, refeed_loss, learning_rate, seconds, …); up to the last good epoch where the run diverged.
        best_epoch: the one with the lowest validation RMSE, from 1; 0 without any.
        valid_rmse: at the best epoch, predictions clipped to the scale; None without any.
        parameters: number of the model's parameters.
        seconds: of training and validation, over all epochs.
        peak_memory: bytes; peak of the process during the run, PyTorch and the ratings included.
        threads: number of its CPU threads.
        folder: where it is kept.
        cached: whether it was done before this call.
    """

    run: Run
    status: Literal["finished", "diverged"]
    message: str
    log: tuple[Mapping[str, Any], ...]
    best_epoch: int
    valid_rmse: float | None
    parameters: int
    seconds: float
    peak_memory: int
    threads: int
    folder: Path
    cached: bool = False

    def test_predictions(self) -> npt.NDArray[np.float32]:
        """Predictions for the test set in its order, not clipped, float32 (len(split.test),).

        Raises:
            ConfigError: the run does not read the test set, or it diverged.
        """
        if not self.run.reads_test or self.status == "diverged":
            reason = "it diverged" if self.run.reads_test else "reads_test is false"
            raise ConfigError(f"{self.run.name}: there are no test predictions, since {reason}")
        predictions: npt.NDArray[np.float32] = np.load(self.folder / TEST_PREDICTIONS)
        return predictions

    def to_dict(self) -> dict[str, Any]:
        """Everything but the run, the folder and `cached`, as plain JSON values."""
        return {
            "status": self.status,
            "message": self.message,
            "log": [dict(record) for record in self.log],
            "best_epoch": self.best_epoch,
            "valid_rmse": self.valid_rmse,
            "parameters": self.parameters,
            "seconds": self.seconds,
            "peak_memory": self.peak_memory,
            "threads": self.threads,
        }

    @classmethod
    def from_dict(cls, run: Run, values: Mapping[str, Any], folder: Path, *, cached: bool) -> Outcome:
        """Return the outcome of these values."""
        return cls(run=run, folder=folder, cached=cached, **{**values, "log": tuple(values["log"])})


def num_parameters(spec: Spec, num_users: int, num_items: int) -> int:
    """Number of parameters of a model for these numbers of users and items, without allocating them."""
    with torch.device("meta"):
        model = spec.build(num_users, num_items, seed=0)
    return sum(parameter.numel() for parameter in model.parameters())
