"""Dropout with its own random generator, so that a run is a function of its seed."""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 1 << 16


def dropout(values: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """Set each value to 0 with this probability (a multiple of 1 / 65,536) and scale the others so that the mean stays.

    Args:
        values: any shape.
        probability: 0 to below 1.
        generator: on the device of `values`; None for evaluation, without dropout.
    """
    if generator is None or probability == 0.0:
        return values
    kept = min(LEVELS - 1, max(1, round((1.0 - probability) * LEVELS)))  # of LEVELS equally likely draws
    words = torch.empty(values.numel() // 4 + 1, dtype=torch.int64, device=values.device)
    words.random_(-(2**63), None, generator=generator)  # four draws per word, several times faster than bernoulli_
    draws = words.view(torch.int16)[: values.numel()].view_as(values)
    factors = torch.lt(draws, kept - LEVELS // 2, out=torch.empty_like(values)).mul_(LEVELS / kept)
    return values * factors
