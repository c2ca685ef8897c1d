"""Draws from an unnormalised density of one variable; Neal (2003), "Slice sampling", section 4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

WIDTH = 0.5  # of the steps of stepping out: about the standard deviation of the draws


def slice_draw(
    log_density: Callable[[float], float], before: float, *, lowest: float, highest: float, numbers: np.random.Generator
) -> float:
    """One step of a Markov chain whose stationary distribution has the density: stepping out, then shrinking.

    Args:
        log_density: up to a constant; finite at `before`.
        before: the state of the chain, from `lowest` to `highest`.
        lowest: lower end of the support.
        highest: upper end of the support.
        numbers: random numbers.
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
