"""Timing sides in turn, A B A B …, so that a disturbance of the machine affects all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Result = TypeVar("Result")
Side = Callable[[int], float]
"""Does the work of round number 0, 1, … and returns the seconds of one of its steps."""


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds that the work takes, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def in_turn(sides: Mapping[str, Side], *, rounds: int, warm_up: int = 1, pause: float = 0.2) -> dict[str, list[float]]:
    """Run the sides in turn.

    Args:
        sides: by name.
        rounds: measured rounds, at least 1.
        warm_up: rounds before them that are not measured.
        pause: seconds before each side, in which the threads of the previous side become idle.

    Returns:
        seconds a step of each round, by name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(warm_up + rounds):
        for name, side in sides.items():
            time.sleep(pause)
            spent = side(number)
            if number >= warm_up:
                seconds[name].append(spent)
    return seconds
