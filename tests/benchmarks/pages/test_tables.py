"""Figures as text."""

from __future__ import annotations

import pytest

from harness.results import Figure, Outcome, Spread
from pages import tables


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.0000123456, "0.0000123"), (0.05, "0.0500"), (1.2, "1.20"), (9.996, "10.0"), (12.34, "12.3"),
        (99.96, "100"), (1234.5, "1,230"), (123456, "123,000"), (-1.5, "-1.50"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, text):
    assert tables.number(value) == text


def test_errors_have_four():
    assert tables.row(Figure("test error", "RMSE", Spread.of([0.9]))) == ["test error", "0.9000 RMSE", "one run", "", ""]


def test_row_tells_spread_goal_aim_and_verdict():
    figure = Figure("speed", "times", Spread(15.0, 14.0, 16.5, 7), goal=12, aim=20)
    assert tables.row(figure) == ["speed", "15.0 times", "14.0 to 16.5 (7)", "at least 12, aim 20", "yes"]
    assert tables.row(Figure("time", "s", Spread.of([200.0]), goal=120, better="below"))[3:] == ["at most 120", "no"]


def test_caption_warns_of_a_busy_machine():
    outcome = Outcome("step_speed", "full", (Figure("speed", "times", Spread.of([1.0])),), {}, others=0.31)
    assert tables.table(outcome).caption == "step_speed (full; other programs took 0.31 CPUs)"
    assert tables.table(Outcome("step_speed", "full", (), {}, others=0.01)).caption == "step_speed (full)"
