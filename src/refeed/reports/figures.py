"""The charts of reports: lines, bars, histograms, and estimates with intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from refeed.errors import DataError
from refeed.reports.colours import LIGHT, SERIES
from refeed.reports.drawing import Drawing, drawing_style
from refeed.reports.extras import import_extra

_WIDTH = 5.2  # inches; small enough that the text stays readable where a phone shrinks the chart
_DASHES = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (6, 1.5, 1.2, 1.5)))
_COUNT_FORMAT = "{x:,.10g}"  # thousands commas, no needless zeros
_ROW_LETTERS = 26  # in a line of a row's label where two panels share the width
_LEGEND_LETTERS = 44  # in a line of a legend
_MOST_SERIES = 12  # as many pairs of colour and dash as differ


def line_chart(
    series: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    x_label: str,
    y_label: str,
    title: str | None = None,
    bands: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
    variants: Mapping[str, str] | None = None,
    y_limits: tuple[float, float] | None = None,
    marks: Mapping[str, tuple[float, float]] | None = None,
    references: Mapping[str, float] | None = None,
) -> Drawing:
    """Curves over a common axis, distinguished by colour and dash.

    Args:
        series: name to x and y, numbers (P,) each.
        x_label: what x is, with its unit.
        y_label: what y is, with its unit.
        title: a line above.
        bands: name of a series to the lower and upper end of a shade around it, numbers (P,) each, for example over seeds.
        variants: name of a series to the one that it is a variant of, whose colour it gets; all others are then drawn solid.
        y_limits: the part of the y axis that is shown; None shows all.
        marks: text to the position of a dot, for example the best epoch.
        references: text to the height of a horizontal line, for example a published number.

    Raises:
        ConfigError: the `report` extra is not installed.
        DataError: no series or more than twelve, or x and y (or a band) differ in length.
    """
    if not 1 <= len(series) <= _MOST_SERIES:
        raise DataError(f"a line chart has 1 to {_MOST_SERIES} series, got {len(series)}")
    curves = {name: (np.asarray(x), np.asarray(y)) for name, (x, y) in series.items()}
    for name, (x, y) in curves.items():
        _require_equal_lengths(name, x=x, y=y)
    columns = _legend_columns(curves)
    rows = -(-len(curves) // columns) + sum(len(name) > _LEGEND_LETTERS for name in curves)
    further_rows = max(0, rows - 2)  # of the legend, which else would take their height from the curves
    with drawing_style():
        figure, axes = _canvas(3.3 + 0.22 * further_rows, title=title, x_label=x_label, y_label=y_label)
        for (name, (x, y)), (colour, dash) in zip(curves.items(), _line_styles(curves, variants or {}), strict=True):
            axes.plot(x, y, label=textwrap.fill(name, _LEGEND_LETTERS), color=colour, linestyle=dash)
            if bands is not None and name in bands:
                low, high = map(np.asarray, bands[name])
                _require_equal_lengths(f"band of {name}", x=x, low=low, high=high)
                axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.grid(visible=False, axis="x")
        axes.set_ylim(y_limits)
        if all(np.issubdtype(x.dtype, np.integer) for x, _ in curves.values()):
            axes.xaxis.get_major_locator().set_params(integer=True)
        _draw_references(axes, references or {})
        _draw_marks(axes, marks or {})
        if len(curves) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.02), borderaxespad=0, ncols=columns)
        return Drawing.of(figure)


def bar_chart(
    labels: Sequence[str],
    values: npt.ArrayLike,
    *,
    value_label: str,
    title: str | None = None,
    intervals: Sequence[tuple[float, float]] | None = None,
    horizontal: bool = True,
    value_format: str = ",.4g",
) -> Drawing:
    """One bar a label, from zero, with its value written at its end.

    Args:
        labels: names of the L bars, from top to bottom or from left to right.
        values: numbers (L,).
        value_label: what the values are, with their unit.
        title: a line above.
        intervals: low and high end of each bar's whisker.
        horizontal: bars to the right (room for long names), else upwards.
        value_format: how the values are written, as Python's `format` takes it.

    Raises:
        ConfigError: the `report` extra is not installed.
        DataError: no bars, or the lengths differ.
    """
    heights = np.asarray(values, np.float64)
    ends = np.column_stack([heights, heights]) if intervals is None else np.asarray(intervals, np.float64).reshape(-1, 2)
    _require_equal_lengths("bar chart", labels=labels, values=heights, intervals=ends)
    positions = range(len(labels))
    with drawing_style():
        if horizontal:
            figure, axes = _rows_canvas(labels, title=title, x_label=value_label)
            axes.barh(positions, heights, height=0.62, color=SERIES[0])
        else:
            figure, axes = _canvas(3.3, title=title, y_label=value_label)
            axes.set_xticks(positions, labels)
            axes.grid(visible=False, axis="x")
            axes.bar(positions, heights, width=0.68, color=SERIES[0])
        if intervals is not None:
            draw = axes.hlines if horizontal else axes.vlines
            draw(positions, ends[:, 0], ends[:, 1], color=LIGHT["ink"], linewidth=1.4)
        for position, value, end in zip(positions, heights, np.maximum(ends.max(axis=1), 0), strict=True):
            _write_value(axes, format(value, value_format), position, end, horizontal=horizontal)
        (axes.xaxis if horizontal else axes.yaxis).set_major_formatter(_COUNT_FORMAT)
        axes.margins(**{"x" if horizontal else "y": 0.12})
        return Drawing.of(figure)


def interval_chart(
    names: Sequence[str],
    estimates: npt.ArrayLike,
    lows: npt.ArrayLike,
    highs: npt.ArrayLike,
    *,
    x_label: str,
    title: str | None = None,
    references: Mapping[str, float] | None = None,
) -> Drawing:
    """A dot and a whisker for each name, from top to bottom, to compare estimates whose zero is far away.

    Args:
        names: what is estimated (L,).
        estimates: numbers (L,).
        lows: lower ends of the intervals (L,).
        highs: upper ends of the intervals (L,).
        x_label: what the estimates are, with their unit and the level of the intervals.
        title: a line above.
        references: text to the position of a vertical line, for example no difference at 0.

    Raises:
        ConfigError: the `report` extra is not installed.
        DataError: no estimates, or the lengths differ.
    """
    dots, left, right = (np.asarray(numbers, np.float64) for numbers in (estimates, lows, highs))
    _require_equal_lengths("interval chart", names=names, estimates=dots, lows=left, highs=right)
    positions = np.arange(len(names))
    with drawing_style():
        figure, axes = _rows_canvas(names, title=title, x_label=x_label)
        axes.hlines(positions, left, right, color=SERIES[0], linewidth=2.2)
        axes.plot(dots, positions, "o", color=SERIES[0], markersize=8, markeredgecolor=LIGHT["ground"], markeredgewidth=1.2)
        for text, x in (references or {}).items():
            axes.axvline(x, color=LIGHT["quiet"], linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
            axes.annotate(
                text, (x, 1), (0, 4), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center", fontsize=9.5
            )
        axes.margins(x=0.08)
        return Drawing.of(figure)


def side_by_side_chart(
    names: Sequence[str],
    here: Sequence[tuple[float, float, float] | None],
    there: Sequence[float | None],
    *,
    here_label: str,
    there_label: str,
    title: str | None = None,
    faint: Sequence[bool] | None = None,
) -> Drawing:
    """A row for each name with what was measured here on the left and what is known from elsewhere on the right.

    Each panel has its own axis, so that numbers of two protocols are seen beside each other and never on one scale.

    Args:
        names: of the L rows, from top to bottom.
        here: low, middle and high of each row, None where there is nothing (L,).
        there: a number of each row, None where there is none (L,).
        here_label: what the left axis is.
        there_label: what the right axis is.
        title: a line above.
        faint: whether a row's dot is hollow, to tell some rows from the others (L,); None makes all full.

    Raises:
        ConfigError: the `report` extra is not installed.
        DataError: no rows, or the lengths differ.
    """
    hollow = [False] * len(names) if faint is None else faint
    _require_equal_lengths("side by side chart", names=names, here=here, there=there, faint=hollow)
    labels = [textwrap.fill(name, _ROW_LETTERS) for name in names]
    lines = 1 + max(label.count("\n") for label in labels)
    with drawing_style():
        figure = import_extra("matplotlib.figure").Figure(figsize=(_WIDTH, 1.0 + (0.17 + 0.19 * lines) * len(names)))
        left, right = figure.subplots(1, 2, sharey=True)
        _draw_rows_axis(left, labels, here_label)
        _draw_rows_axis(right, labels, there_label)
        right.tick_params(axis="y", labelleft=False)
        if title is not None:
            figure.suptitle(title, x=0.01, ha="left")
        for position, (measured, known, is_hollow) in enumerate(zip(here, there, hollow, strict=True)):
            if measured is not None:
                low, middle, high = measured
                left.hlines(position, low, high, color=SERIES[0], linewidth=2.2)
                left.plot(middle, position, "o", **_dot(SERIES[0], hollow=is_hollow))
            if known is not None:
                right.plot(known, position, "D", **_dot(SERIES[1], hollow=is_hollow))
        return Drawing.of(figure)


def _draw_rows_axis(axes: Any, names: Sequence[str], x_label: str) -> None:
    axes.set(xlabel=x_label)
    axes.set_yticks(np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)


def _dot(colour: str, *, hollow: bool) -> dict[str, Any]:
    face, edge = (LIGHT["ground"], colour) if hollow else (colour, LIGHT["ground"])
    return {"markersize": 7.5, "markerfacecolor": face, "markeredgecolor": edge, "markeredgewidth": 1.6 if hollow else 1.0}


def _canvas(height: float, *, title: str | None, x_label: str | None = None, y_label: str | None = None) -> tuple[Any, Any]:
    """A figure `height` inches high, and its axes."""
    figure = import_extra("matplotlib.figure").Figure(figsize=(_WIDTH, height))
    axes = figure.add_subplot()
    axes.set(xlabel=x_label, ylabel=y_label)
    if title is not None:
        figure.suptitle(title, x=0.01, ha="left")
    return figure, axes


def _rows_canvas(labels: Sequence[str], *, title: str | None, x_label: str) -> tuple[Any, Any]:
    """A figure with one row a label, the first at the top, and its axes."""
    figure, axes = _canvas(0.85 + 0.36 * len(labels), title=title, x_label=x_label)
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    return figure, axes


def _line_styles(names: Iterable[str], variants: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Colour and dash of each series: pairs that differ, or the colour of what it is a variant of and a dash of its own."""
    colours: dict[str, str] = {}
    used: dict[str, int] = {}
    styles: list[tuple[str, Any]] = []
    for position, name in enumerate(names):
        base = variants.get(name, name)
        colour = colours.setdefault(base, SERIES[len(colours) % len(SERIES)])
        if variants:
            used[base] = used.get(base, 0) + (name != base)
        styles.append((colour, _DASHES[(used[base] if variants else position) % len(_DASHES)]))
    return styles


def _legend_columns(names: Iterable[str]) -> int:
    """How many names fit beside each other above a chart."""
    longest = max(map(len, names))
    return 3 if longest <= 14 else 2 if longest <= 26 else 1


def _draw_references(axes: Any, references: Mapping[str, float]) -> None:
    for text, y in references.items():
        axes.axhline(y, color=LIGHT["quiet"], linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)
        position = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right", "fontsize": 9.5}
        axes.annotate(text, (1, y), (0, 4), **position)


def _draw_marks(axes: Any, marks: Mapping[str, tuple[float, float]]) -> None:
    for text, point in marks.items():
        axes.plot(*point, "o", color=LIGHT["ink"], markersize=7, markeredgecolor=LIGHT["ground"], markeredgewidth=1.2, zorder=5)
        axes.annotate(text, point, (0, -9), textcoords="offset points", ha="center", va="top", fontsize=9.5)
    if marks:
        axes.margins(y=0.14)


def _write_value(axes: Any, text: str, position: float, end: float, *, horizontal: bool) -> None:
    point, offset = ((end, position), (5, 0)) if horizontal else ((position, end), (0, 4))
    sides = {"ha": "left", "va": "center"} if horizontal else {"ha": "center", "va": "bottom"}
    axes.annotate(text, point, offset, textcoords="offset points", fontsize=9.5, **sides)


def _require_equal_lengths(what: str, **columns: Any) -> None:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        got = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise DataError(f"{what}: expected equally many and at least one, got {got}")
