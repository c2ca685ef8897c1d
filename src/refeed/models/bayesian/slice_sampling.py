"""Draws of one number from a density that is known but for a factor; Neal (2003), "Slice sampling", section 4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WIDTH = 0.5  # of the steps by which the slice is found: about the spread of what is drawn


def slice_draw(
    log_density: Callable[[float], float], before: float, *, lowest: float, highest: float, numbers: np.random.Generator
) -> float:
    """One step of a chain that leaves the density as it is: stepping out, then shrinking.

    Args:
        log_density: of the number, but for a constant; finite at `before`.
        before: the number so far, from `lowest` to `highest`.
        lowest: the density below it counts as 0.
        highest: the density above it counts as 0.
        numbers: for the draws.
    """
    level = log_density(before) - numbers.exponential()
    left = before - WIDTH * numbers.random()
    right = left + WIDTH
    while left > lowest and log_density(left) > level:
        left -= WIDTH
    while right < highest and log_density(right) > level:
        right += WIDTH
    left, right = max(left, lowest), min(right, highest)
    while True:
        drawn = numbers.uniform(left, right)
        if log_density(drawn) >= level:
            return float(drawn)
        left, right = (drawn, right) if drawn < before else (left, drawn)
