"""Draw the picture of the README and the start page from the tables of docs/results.md and the errors of other libraries.

    python docs/results_picture.py

Writes docs/results/time80-light.svg and time80-dark.svg: test RMSE on MovieLens 1M, future ratings, by system.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from refeed.reports.colours import DARK, LIGHT
from refeed.reports.figures import interval_chart
from refeed.storage import atomic_file

DOCS = Path(__file__).resolve().parent
PEERS = DOCS.parent / "benchmarks" / "results" / "accuracy_peers.json"
THEMES: Mapping[str, Mapping[str, str]] = {"light": LIGHT, "dark": DARK}
SYSTEMS = {
    "Bayesian MF": "Bayesian MF",
    "SVD++": "SVD++",
    "RRN": "RRN",
    "ALS": "ALS",
    "autoencoder with L2": "autoencoder, L2",
    "I-AutoRec": "I-AutoRec",
    "deep autoencoder with re-feeding": "paper's autoencoder",
    "biases": "biases",
}
"""Systems of the comparison that are drawn, with their labels."""
LIBRARIES = {"myfm": "myFM", "cmfrec-als": "cmfrec: ALS", "surprise-svd": "Surprise: SVD"}
SCALE = 1.4  # the charts of reports are laid out for a phone
FONT = "font-family: system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"


class Row(NamedTuple):
    """A system's test RMSE with the ends of its 95% interval."""

    name: str
    rmse: float
    low: float
    high: float


def rows() -> list[Row]:
    """The default, the systems of the comparison, and the other libraries, lowest error first."""
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    found = [_default(page), *_systems(page), *_libraries()]
    return sorted(found, key=lambda row: row.rmse)


def pictures() -> dict[str, str]:
    """An SVG document for each theme, by name."""
    names, estimates, lows, highs = zip(*rows(), strict=True)
    labels = [f"{name}  {rmse:.4f}" for name, rmse in zip(names, estimates, strict=True)]
    chart = interval_chart(labels, estimates, lows, highs, x_label="test RMSE, 95% interval over users")
    return {theme: _themed(chart.svg(), colours) for theme, colours in THEMES.items()}


def main() -> None:
    """Write both pictures."""
    for theme, picture in pictures().items():
        with atomic_file(DOCS / "results" / f"time80-{theme}.svg", overwrite=True) as path:
            path.write_text(picture, encoding="utf-8")


def _default(page: str) -> Row:
    (row,) = re.findall(r"(?m)^\| ml-1m.*\(`time80`\) \| \*\*([\d.]+)\*\* \| ([\d.]+)–([\d.]+) \|", page)
    return Row("refeed default", *map(float, row))


def _systems(page: str) -> list[Row]:
    table = re.findall(r"(?m)^\| ([^|(]+?)(?: \([^|]*\))? \| ([\d.]+) \| ([\d.]+)–([\d.]+) \| [\d.]+ \| [\d.]+ \|$", page)
    return [Row(SYSTEMS[name], float(rmse), float(low), float(high)) for name, rmse, low, high in table if name in SYSTEMS]


def _libraries() -> list[Row]:
    measured = json.loads(PEERS.read_text(encoding="utf-8"))["series"]["ml-1m-time80"]
    fits = {name: measured[key]["fits"]["train"] for key, name in LIBRARIES.items()}
    return [Row(name, fit["rmse"], *fit["interval"]) for name, fit in fits.items()]


def _themed(svg: str, colours: Mapping[str, str]) -> str:
    """The chart as a file of its own: with a size, and with the colours and the font that it would inherit from a page."""
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups()  # type: ignore[union-attr] (every chart has one)
    coloured = re.sub(r"var\(--([\w-]+), #[0-9a-f]{6}\)", lambda match: colours[match[1]], svg)
    sized = coloured.replace('width="100%"', f'width="{float(width) * SCALE:.0f}" height="{float(height) * SCALE:.0f}"', 1)
    return sized.replace("currentColor", colours["ink"]).replace('style="stroke-linejoin', f'style="{FONT}; stroke-linejoin', 1)


if __name__ == "__main__":
    main()
