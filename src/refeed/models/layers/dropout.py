"""Dropout that draws from a generator of its own, so that a run is a function of its seed."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(values: Tensor, probability: float, generator: torch.Generator | None) -> Tensor:
    """Zero each value with this probability and scale the others by 1 / (1 - probability).

    Args:
        values: any shape.
        probability: 0 to below 1.
        generator: on the device of `values`; None leaves the values as they are (evaluation).
    """
    if generator is None or probability == 0.0:
        return values
    kept = torch.empty_like(values).bernoulli_(1.0 - probability, generator=generator)
    return values * kept.div_(1.0 - probability)
