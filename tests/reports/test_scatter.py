"""Small scatter charts beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.errors import DataError
from refeed.reports.colours import LIGHT
from refeed.reports.scatter import Panel, scatter_panels

Y = [0.9, 1.0, 5.0]
LIMITS = (0.8, 1.2)


def axes_of(*panels, y=Y, best=0) -> list:
    return scatter_panels(panels, y, y_label="RMSE", y_limits=LIMITS, best=best).figure.axes


def test_dots_are_where_the_numbers_are_and_those_above_are_at_the_edge():
    (axes,) = axes_of(Panel("dropout", [0.1, 0.2, 0.3]))
    dots, beyond, best = axes.lines
    np.testing.assert_allclose(dots.get_xydata(), [(0.1, 0.9), (0.2, 1.0)])
    (place,) = beyond.get_xydata()
    assert place[0] == pytest.approx(0.3) and 1.15 < place[1] < LIMITS[1]
    assert beyond.get_marker() == "^"
    np.testing.assert_allclose(best.get_xydata(), [(0.1, 0.9)])
    assert best.get_color() == LIGHT["ink"]
    assert (axes.get_xlabel(), axes.get_ylim()) == ("dropout", LIMITS)


def test_named_places_have_their_names_with_lists_on_lines():
    (axes,) = axes_of(Panel("encoder", [0, 1, 1], names=["8", "1024,512"]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["8", "1024,\n512"]
    assert {round(x) for x in axes.lines[0].get_xdata()} == {0, 1}


def test_logarithmic_axis_has_round_places():
    (axes,) = axes_of(Panel("weight_decay", [1.2e-4, 1e-3, 0.011], log=True))
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.0001", "0.001", "0.01"]


def test_panels_are_two_a_row_and_an_empty_place_stays_empty():
    axes = axes_of(*[Panel(name, [1, 2, 3]) for name in "abc"])
    assert [panel.get_xlabel() for panel in axes] == ["a", "b", "c", ""]
    assert [panel.axison for panel in axes] == [True, True, True, False]


@pytest.mark.parametrize(("panels", "y"), [([], Y), ([Panel("a", [1, 2])], Y), ([Panel("a", [])], [])])
def test_nothing_and_lengths_that_differ_are_refused(panels, y):
    with pytest.raises(DataError, match="expected panels with as many dots as y"):
        axes_of(*panels, y=y)
