"""Contrast in both themes."""

from __future__ import annotations

import pytest

from refeed.reports.colours import DARK, LIGHT, SERIES


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""
    darker, lighter = sorted([luminance(first), luminance(second)])
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_the_ground(theme):
    for ground in ("ground", "panel"):
        assert contrast(theme["ink"], theme[ground]) >= 7
        assert contrast(theme["quiet"], theme[ground]) >= 4.5
    assert contrast(theme["series-1"], theme["ground"]) >= 4.5  # links


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_series_stands_out_from_the_ground(theme):
    assert min(contrast(theme[f"series-{n}"], theme["ground"]) for n in range(1, len(SERIES) + 1)) >= 3


def test_both_themes_name_the_same_colours_and_no_two_are_equal():
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT)
