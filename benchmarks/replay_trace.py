"""Replay a training trace of the original program and compare every number with ours.

    python benchmarks/replay_trace.py TRACE.npz [TRACE.npz …]

TRACE.json lies beside TRACE.npz and describes the network and the options. Starting from the trace's initial weights and
taking its batches in order, our training must give every supervised and re-feeding loss to 1e-4 relative, and the final
weights and predictions to 1e-3 absolute. Prints the largest deviations; exits with 1 beyond these bounds, with 2 when a
trace cannot be read.
"""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from refeed.data.history import History
from refeed.errors import RefeedError
from refeed.exchange.original_weights import as_original_weights, load_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.steppers import build_stepper
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.options import TrainingOptions

LOSS_BOUND = 1e-4  # relative
WEIGHT_BOUND = 1e-3  # absolute, for weights and predictions
OPTIMIZERS = {"momentum": "sgd", "sgd": "sgd", "adam": "adam", "adagrad": "adagrad", "rmsprop": "rmsprop"}
DESCRIBED = {
    "hidden", "activation", "tied", "activation_on_last_layer", "refeed_steps", "weight_decay", "lr", "momentum",
    "epochs", "batch_size", "num_users", "num_items", "dropout", "optimizer",
}  # fmt: skip


class TraceError(Exception):
    """A trace that cannot be replayed."""


@dataclass(frozen=True)
class Deviations:
    """Largest deviations of a replay: losses relative, weights and predictions absolute."""

    supervised_loss: float
    refeed_loss: float
    weights: float
    predictions: float

    @property
    def within_bounds(self) -> bool:
        """Whether all lie within the bounds; a deviation that is not a number does not."""
        return (
            self.supervised_loss <= LOSS_BOUND
            and self.refeed_loss <= LOSS_BOUND
            and self.weights <= WEIGHT_BOUND
            and self.predictions <= WEIGHT_BOUND
        )


def replay(path: Path) -> Deviations:
    """Train as the trace says and compare.

    Raises:
        TraceError: the trace cannot be read, or asks for what cannot be replayed exactly.
    """
    described, arrays = _read(path)
    try:
        return _replay(described, arrays)
    except KeyError as error:
        raise TraceError(f"{path}: lacks {error}") from error
    except (ValueError, IndexError, RefeedError) as error:
        raise TraceError(f"{path}: cannot be replayed ({error})") from error


def _replay(described: dict[str, Any], arrays: dict[str, Any]) -> Deviations:
    network = Network(_spec(described).shape, described["num_items"], seed=0)
    load_original_weights(network, _weights(arrays, "init."))
    history = _history(arrays, described)
    supervised, refed = _train(network, _options(described), history, arrays["batches"])
    with torch.no_grad():
        everyone = SparseRows.from_history(history, torch.device("cpu"))
        predictions = network.output_dense(network.hidden_of_rows(everyone))
    final, ours = _weights(arrays, "final."), as_original_weights(network)
    return Deviations(
        supervised_loss=_largest_relative(supervised, arrays["supervised_loss"]),
        refeed_loss=_largest_relative(refed, arrays["refeed_loss"]),
        weights=float(np.max([(ours[name] - final[name]).abs().max() for name in ours])),
        predictions=float(np.abs(predictions.numpy() - arrays["final_prediction"]).max()),
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TraceError(f"{path}: cannot be read ({error})") from error
    if not isinstance(described, dict):
        raise TraceError(f"{path.with_suffix('.json')}: expected options by name, got {type(described).__name__}")
    unknown = described.keys() - DESCRIBED
    if unknown:
        print(f"{path}: note: options that play no part in this replay: {sorted(unknown)}", file=sys.stderr)
    if described.get("dropout", 0) != 0:
        raise TraceError(f"{path}: dropout {described['dropout']} draws random numbers that a replay cannot repeat")
    return described, arrays


def _spec(described: dict[str, Any]) -> AutoEncoder:
    return AutoEncoder(
        encoder=tuple(described["hidden"]),
        tied=described["tied"],
        activation=described["activation"],
        activation_on_last_layer=described["activation_on_last_layer"],
    )


def _options(described: dict[str, Any]) -> TrainingOptions:
    optimizer = described.get("optimizer", "momentum")
    return TrainingOptions(
        optimizer=OPTIMIZERS.get(optimizer, optimizer),  # type: ignore[arg-type]
        learning_rate=described["lr"],
        momentum=described["momentum"],
        weight_decay=described["weight_decay"],
        refeed_steps=described["refeed_steps"],
        refeed_label="output",
    )


def _weights(arrays: dict[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): torch.from_numpy(value) for name, value in arrays.items() if name.startswith(prefix)}


def _history(arrays: dict[str, Any], described: dict[str, Any]) -> History:
    order = np.lexsort((arrays["items"], arrays["users"]))
    indptr = np.zeros(described["num_users"] + 1, np.int64)
    np.cumsum(np.bincount(arrays["users"], minlength=described["num_users"]), out=indptr[1:])
    return History(
        indptr=indptr,
        indices=arrays["items"][order].astype(np.int64),
        values=arrays["ratings"][order].astype(np.float32),
        num_items=described["num_items"],
        users=np.arange(described["num_users"], dtype=np.int64),
    )


def _train(
    network: Network, options: TrainingOptions, history: History, batches: np.ndarray
) -> tuple[list[float], list[float]]:
    stepper, noise = build_stepper(network, options), torch.Generator()
    train_batch = BatchTrainer(network, options, stepper)
    supervised, refed = [], []
    for batch in batches:
        rows = SparseRows.from_history(history.rows(batch), torch.device("cpu"))
        loss, refeed_losses = train_batch(rows, noise)
        supervised.append(loss)
        refed.extend(refeed_losses)
    stepper.flush()
    return supervised, refed


def _largest_relative(ours: list[float], theirs: np.ndarray) -> float:
    """Largest relative deviation: infinite when the trace has more or fewer numbers, NaN when one is not a number."""
    expected = np.ravel(theirs)
    if len(ours) != len(expected):
        return float("inf")
    deviations = np.abs(np.array(ours) - expected) / np.maximum(np.abs(expected), np.finfo(np.float32).tiny)
    return float(deviations.max(initial=0.0))


def main(arguments: list[str]) -> int:
    """Replay each trace; see the module's docstring for the exit status."""
    if not arguments:
        print(__doc__)
        return 2
    status = 0
    for argument in arguments:
        try:
            found = replay(Path(argument))
        except TraceError as error:
            print(error, file=sys.stderr)
            return 2
        verdict = "agrees" if found.within_bounds else "DEVIATES"
        print(
            f"{argument}: {verdict}\n"
            f"  relative, bound {LOSS_BOUND:g}: supervised loss {found.supervised_loss:.2e}, "
            f"re-feeding loss {found.refeed_loss:.2e}\n"
            f"  absolute, bound {WEIGHT_BOUND:g}: weights {found.weights:.2e}, predictions {found.predictions:.2e}"
        )
        status = max(status, 0 if found.within_bounds else 1)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
