"""Named tensors as a safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write the tensors, wherever they lie.

    Raises:
        OSError: the system refuses to write, which safetensors itself reports as an error of its own kind.
    """
    try:
        safetensors.torch.save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `write_tensors` wrote, onto the CPU.

    Raises:
        OSError: the file is absent or cannot be read.
        ValueError: it is not as it was written.
    """
    try:
        return safetensors.torch.load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
