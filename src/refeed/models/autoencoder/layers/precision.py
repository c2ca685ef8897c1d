"""What matrix products are taken in."""

from __future__ import annotations

import torch
from torch import Tensor


def lowered(values: Tensor, precision: torch.dtype) -> Tensor:
    """The values in bfloat16 if that is the precision, else as they are: float64 networks (of tests) stay what they are."""
    return values.to(precision) if precision is torch.bfloat16 else values
