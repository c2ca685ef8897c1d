"""The last layer for all items."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

COLUMNS_A_BLOCK = 512


def wide_linear(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """H W^T + b, (B, n), for n much larger than B and k.

    On the CPU, without gradients, it is computed in blocks of columns: a single product of so wide an output runs at two thirds
    of the speed of its blocks.

    Args:
        hidden: H, (B, k).
        weight: W, (n, k): one vector for each column.
        bias: b, (n,).
    """
    if torch.is_grad_enabled() or hidden.device.type != "cpu":
        return F.linear(hidden, weight, bias)
    output = hidden.new_empty(len(hidden), len(weight))
    for start in range(0, len(weight), COLUMNS_A_BLOCK):
        block = slice(start, start + COLUMNS_A_BLOCK)
        torch.addmm(bias[block], hidden, weight[block].t(), out=output[:, block])
    return output
