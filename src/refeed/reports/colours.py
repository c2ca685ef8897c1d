"""The colours of pages and figures, in a light and a dark theme.

The series follow Okabe and Ito's palette, whose colours can be distinguished with any common colour vision, each made
darker (light theme) or lighter (dark theme) until it stands out from the ground by a contrast of 3 to 1 (WCAG 1.4.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "ground": "#fdfdfc",
        "panel": "#f4f4f2",
        "ink": "#1c1e21",
        "quiet": "#5b6068",
        "rule": "#dcdedf",
        "series-1": "#0072b2",
        "series-2": "#cc5500",
        "series-3": "#00875f",
        "series-4": "#a84a86",
        "series-5": "#9a6b00",
        "series-6": "#2f83b5",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "ground": "#15171a",
        "panel": "#1e2125",
        "ink": "#e6e7e8",
        "quiet": "#a2a8b0",
        "rule": "#33373c",
        "series-1": "#4ba3e0",
        "series-2": "#f0874a",
        "series-3": "#2fbf92",
        "series-4": "#d98fbc",
        "series-5": "#e0a526",
        "series-6": "#8cc9ee",
    }
)
SERIES = tuple(LIGHT[f"series-{number}"] for number in range(1, 7))
"""Colours of the first, second, … series of a figure, in the light theme."""
