"""Small scatter charts beside each other: one measure against several settings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError
from refeed.reports.colours import LIGHT, SERIES
from refeed.reports.drawing import Drawing, drawing_style
from refeed.reports.extras import import_extra

_WIDTH, _ROW_HEIGHT = 5.2, 1.9  # inches
_SHIFT = 0.12  # of dots to either side of a category, so that equal values can be distinguished
_TICK_LETTERS = 6  # in a line below a category


@dataclass(frozen=True)
class Panel:
    """One chart of several.

    Attributes:
        label: what its x axis is.
        x: x coordinates of the P dots, numbers; indices into `names` for categories.
        names: of the categories 0, 1, …; None for numbers.
        log: whether the axis is logarithmic.
    """

    label: str
    x: Sequence[float]
    names: Sequence[str] | None = None
    log: bool = False


def scatter_panels(
    panels: Sequence[Panel], y: npt.ArrayLike, *, y_label: str, y_limits: tuple[float, float], best: int
) -> Drawing:
    """The same measure against each panel's x, two panels a row; dots above the upper limit are triangles at the edge.

    Args:
        panels: at least one.
        y: the measure of the P dots, numbers (P,).
        y_label: what it is, with its unit.
        y_limits: the part of the y axis that is shown.
        best: position of the dot that stands out.

    Raises:
        ConfigError: the `report` extra is not installed.
        DataError: no panel, no dot, or the lengths differ.
    """
    heights = np.asarray(y, np.float64)
    if not panels or len(heights) == 0 or any(len(panel.x) != len(heights) for panel in panels):
        counts = [len(panel.x) for panel in panels]
        raise DataError(
            f"scatter panels: expected panels with as many dots as y, at least one; got {counts} and {len(heights)}"
        )
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    with drawing_style():
        figure = import_extra("matplotlib.figure").Figure(figsize=(_WIDTH, 0.35 + _ROW_HEIGHT * rows))
        all_axes = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
        for axes, panel in zip(all_axes, panels, strict=False):
            _draw(axes, panel, heights, limits=y_limits, best=best)
            axes.set_ylim(y_limits)
        for axes in all_axes[len(panels) :]:
            axes.set_axis_off()
        figure.supylabel(y_label, fontsize=10.5, color=LIGHT["quiet"])
        return Drawing.of(figure)


def _draw(axes: Any, panel: Panel, heights: npt.NDArray[np.float64], *, limits: tuple[float, float], best: int) -> None:
    x = np.asarray(panel.x, np.float64)
    if panel.names is not None:
        x = x + np.where(np.arange(len(x)) % 2, _SHIFT, -_SHIFT)
        axes.set_xticks(range(len(panel.names)), [_on_lines(name) for name in panel.names], fontsize=9)
        axes.set_xlim(-0.5, len(panel.names) - 0.5)
    elif panel.log:
        axes.set_xscale("log")
        axes.set_xticks(ticks := _round_ticks(x), [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    else:
        axes.locator_params(axis="x", nbins=4)
    bottom, top = limits
    beyond = heights > top
    edge = {"markeredgecolor": LIGHT["ground"], "markeredgewidth": 0.9, "linestyle": "none"}
    axes.plot(x[~beyond], heights[~beyond], marker="o", color=SERIES[0], markersize=6, **edge)
    axes.plot(x[beyond], np.full(beyond.sum(), top - 0.03 * (top - bottom)), marker="^", color=SERIES[0], markersize=6, **edge)
    axes.plot(x[best], heights[best], marker="o", color=LIGHT["ink"], markersize=8, **edge)
    axes.set(xlabel=panel.label)


def _round_ticks(x: npt.NDArray[np.float64]) -> list[float]:
    """Both ends and the middle of a logarithmic axis, as round numbers."""
    return sorted({float(f"{tick:.1g}") for tick in np.geomspace(x.min(), x.max(), 3)})


def _on_lines(name: str) -> str:
    """The name on lines that fit below its tick; a list of numbers breaks after its commas."""
    return "\n".join(textwrap.wrap(name.replace(",", ", "), _TICK_LETTERS, break_long_words=False)).replace(", ", ",")
