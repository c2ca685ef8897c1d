"""The precision of matrix products."""

from __future__ import annotations

import torch
from torch import Tensor


def lowered(values: Tensor, precision: torch.dtype) -> Tensor:
    """The values in bfloat16 if that is the precision, otherwise unchanged (networks of tests are float64)."""
    return values.to(precision) if precision is torch.bfloat16 else values
