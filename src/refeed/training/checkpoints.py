"""The state of a run on disk, so that it can be resumed where it stopped; tensors and JSON only, no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from refeed.errors import BundleError
from refeed.storage import atomic_folder
from refeed.tensor_files import read_tensors, write_tensors

FORMAT, VERSION = "refeed-checkpoint", 1
STATE_FILE, TENSOR_FILE = "checkpoint.json", "state.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """State of a run.

    Attributes:
        identity: model, data, split and seed; only a run with the same identity resumes it.
        progress: plain values: epoch, step, sums, log.
        tensors: by group: "model", "best" (the model at its best epoch) and "fitter" (the optimiser).
    """

    identity: Mapping[str, Any]
    progress: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, Tensor]]


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write the folder, replacing an older checkpoint there only when the new one is complete.

    Raises:
        StorageError: it cannot be written.
    """
    flat = {f"{group}/{name}": tensor for group, tensors in checkpoint.tensors.items() for name, tensor in tensors.items()}
    described = {
        "format": FORMAT,
        "version": VERSION,
        "identity": dict(checkpoint.identity),
        "progress": dict(checkpoint.progress),
    }
    with atomic_folder(folder, overwrite=True, marker=STATE_FILE) as written:
        write_tensors(flat, written / TENSOR_FILE)
        (written / STATE_FILE).write_text(json.dumps(described), encoding="utf-8")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the folder.

    Raises:
        BundleError: it is absent, damaged, or of another format or version.
    """
    try:
        described = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        if described["format"] != FORMAT or described["version"] != VERSION:
            raise BundleError(f"{folder}: not a checkpoint of version {VERSION}; delete it and start again")
        tensors: dict[str, dict[str, Tensor]] = {}
        for name, tensor in read_tensors(folder / TENSOR_FILE).items():
            group, key = name.split("/", 1)
            tensors.setdefault(group, {})[key] = tensor
        return Checkpoint(described["identity"], described["progress"], tensors)
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: there is no checkpoint to resume; start without resuming") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{folder}: damaged checkpoint ({error}); delete it and start again") from error
