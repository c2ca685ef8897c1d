"""The pictures of docs/performance.md, drawn from the outcomes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.phase_clock import PHASES, Phase
from refeed.reports.colours import LIGHT, SERIES
from refeed.reports.drawing import Drawing, drawing_style
from refeed.reports.extras import import_extra

COLOURS: Mapping[Phase, tuple[str, float]] = {  # of a phase and its opacity: a layer has one colour, its backward half is pale
    "read the batch": (SERIES[5], 1.0),
    "pick the weights": (SERIES[4], 1.0),
    "first layer": (SERIES[0], 1.0),
    "hidden layers": (SERIES[1], 1.0),
    "last layer and loss": (SERIES[2], 1.0),
    "last layer, backward": (SERIES[2], 0.5),
    "hidden layers, backward": (SERIES[1], 0.5),
    "first layer, backward": (SERIES[0], 0.5),
    "optimiser": (SERIES[3], 1.0),
}


def phase_bars(phases: list[dict[str, Any]]) -> Drawing:
    """Where the time of each kind of step goes, above the shortest possible time; the steps are as wide as they are long.

    Args:
        phases: the series of `gemm_share`.
    """
    with drawing_style():
        figure, axes = _canvas(7.2, 0.75 * len(phases) + 1.9, x_label="milliseconds for 128 users")
        for place, step in enumerate(phases):
            users = int(step["step"].rsplit(" ", 1)[1].replace(",", ""))
            for key, height, offset in (("ms", 0.42, 0.0), ("limit_ms", 0.2, 0.36)):
                left = 0.0
                for phase in PHASES:
                    width = step[key].get(phase, 0.0) * 128 / users
                    colour, opacity = COLOURS[phase]
                    label = phase if place == 0 and key == "ms" else None
                    axes.barh(place + offset, width, height, left=left, color=colour, alpha=opacity, label=label)
                    left += width
                text = f" {left:.1f}" if key == "ms" else f" {left:.1f} is the limit"
                axes.text(left, place + offset, text, va="center", fontsize=9, color=LIGHT["ink"])
        axes.set_yticks(range(len(phases)), [step["step"].replace(" step, ", "\n") for step in phases])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper left", ncols=3)
        return Drawing.of(figure)


def growth_line(epochs: list[dict[str, float]]) -> Drawing:
    """Time of an epoch over its ratings, beside the line through the smallest size.

    Args:
        epochs: the series of `cost_growth`.
    """
    ratings, seconds = [epoch["ratings"] for epoch in epochs], [epoch["seconds"] for epoch in epochs]
    with drawing_style():
        figure, axes = _canvas(5.2, 3.3, x_label="ratings", y_label="seconds an epoch")
        line = [seconds[0] * number / ratings[0] for number in ratings]
        axes.plot(ratings, line, color=LIGHT["quiet"], linestyle=(0, (1.2, 1.4)), label="in proportion to the smallest")
        axes.plot(ratings, seconds, "o-", color=SERIES[0], label="measured")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(ratings, [f"{round(number / 1e6, 1):g} million" for number in ratings])
        axes.set_yticks(seconds, [f"{spent:,.3g}" for spent in seconds])
        axes.minorticks_off()
        axes.legend()
        return Drawing.of(figure)


def error_curves(curves: dict[str, dict[str, list[float]]]) -> Drawing:
    """Validation error over the time since training began, with the dense reference's best as a line.

    Args:
        curves: the series of `time_to_rmse`.
    """
    with drawing_style():
        figure, axes = _canvas(5.2, 3.3, x_label="seconds of training and validation", y_label="validation RMSE")
        for place, (name, curve) in enumerate(curves.items()):
            axes.plot(curve["seconds"], curve["rmse"], color=SERIES[1 - place % 2], label=name)
        best = min(curves["dense reference"]["rmse"])
        axes.axhline(best, color=LIGHT["quiet"], linestyle=(0, (1.2, 1.4)), label="best of the dense reference")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(top=best + 4 * max(0.01, best - min(min(curve["rmse"]) for curve in curves.values())))
        axes.legend()
        return Drawing.of(figure)


def users_by_batch(speeds: dict[str, dict[str, dict[str, float]]]) -> Drawing:
    """Users a second of both sides by batch size.

    Args:
        speeds: the series of `refeeding_speed`.
    """
    with drawing_style():
        figure, axes = _canvas(5.2, 3.5, x_label="users in a batch", y_label="users a second")
        for place, (network, sides) in enumerate(speeds.items()):
            for colour, (side, by_size) in zip(SERIES, sides.items(), strict=False):
                dash = "-" if place == 0 else (0, (5, 1.6))
                sizes = [int(size) for size in by_size]
                label = side if len(speeds) == 1 else f"{side}, {network}"
                axes.plot(sizes, list(by_size.values()), marker="o", color=colour, linestyle=dash, label=label)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside upper left", ncols=1 if len(speeds) > 1 else 2)
        return Drawing.of(figure)


PICTURES: Mapping[str, tuple[str, str, Callable[[Any], Drawing]]] = {  # file name: benchmark, its series, who draws it
    "phases.png": ("gemm_share", "phases", phase_bars),
    "batch-sizes.png": ("refeeding_speed", "users_per_second", users_by_batch),
    "cost-growth.png": ("cost_growth", "epochs", growth_line),
    "time-to-rmse.png": ("time_to_rmse", "curves", error_curves),
}


def _canvas(width: float, height: float, *, x_label: str, y_label: str = "") -> tuple[Any, Any]:
    figure = import_extra("matplotlib.figure").Figure(figsize=(width, height))
    return figure, figure.subplots(subplot_kw={"xlabel": x_label, "ylabel": y_label})
