"""The figures of an outcome as rows of text, the same in the terminal and on the page."""

from __future__ import annotations

import math

from harness.results import Figure, Outcome
from refeed.reports.page import Table

COLUMNS = ("figure", "measured", "quartiles", "goal", "met")


def table(outcome: Outcome) -> Table:
    """The figures of one benchmark."""
    rows = [row(figure) for figure in outcome.figures]
    busy = f"; other programs took {outcome.others:.2f} CPUs" if outcome.others >= 0.05 else ""
    return Table(COLUMNS, rows, caption=f"{outcome.benchmark} ({outcome.size}{busy})", align="lrrrl")


def row(figure: Figure) -> list[str]:
    """One figure under `COLUMNS`."""
    spread, digits = figure.measured, 4 if figure.unit == "RMSE" else 3
    low, median, high = (number(value, digits=digits) for value in (spread.low, spread.median, spread.high))
    quartiles = f"{low} to {high} ({spread.rounds})" if spread.rounds > 1 else "one run"
    return [figure.name, f"{median} {figure.unit}", quartiles, goal(figure), verdict(figure)]


def goal(figure: Figure) -> str:
    """The goal, and the aim where there is one."""
    if figure.goal is None:
        return ""
    bound = "at least" if figure.better == "above" else "at most"
    aim = f", aim {figure.aim:,g}" if figure.aim is not None else ""
    return f"{bound} {figure.goal:,g}{aim}"


def verdict(figure: Figure) -> str:
    """Whether the goal is met, empty without one."""
    return {None: "", True: "yes", False: "no"}[figure.met]


def number(value: float, *, digits: int = 3) -> str:
    """So many significant digits, thousands apart: 0.0123, 1.20, 12.3, 1,230."""
    rounded = float(f"{value:.{digits}g}")
    before_point = math.floor(math.log10(abs(rounded))) + 1 if rounded else digits
    return f"{rounded:,.{max(0, digits - before_point)}f}"
