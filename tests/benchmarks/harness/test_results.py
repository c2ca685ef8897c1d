"""Figures with goals, and outcomes as files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import results
from harness.results import Figure, Outcome, Spread
from refeed.errors import DataError

ONCE = Spread.of([3.0])


def test_spread_is_median_and_quartiles():
    assert Spread.of([4.0, 1.0, 3.0, 2.0, 100.0]) == Spread(3.0, 2.0, 4.0, 5)
    assert Spread(3.0, 3.0, 3.0, 1) == ONCE


def test_ratio_is_taken_round_by_round():
    assert Spread.of_ratio([10.0, 200.0, 30.0], [1.0, 20.0, 3.0]) == Spread(10.0, 10.0, 10.0, 3)
    with pytest.raises(ValueError, match="shorter"):
        Spread.of_ratio([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("goal", "better", "met"), [(3.0, "above", True), (3.1, "above", False), (3.0, "below", True), (2.9, "below", False)]
)
def test_goal_is_a_bound_that_may_be_touched(goal, better, met):
    assert Figure("speed", "times", ONCE, goal=goal, better=better).met is met


def test_figure_without_goal_is_neither_met_nor_missed():
    assert Figure("speed", "times", ONCE).met is None


text = st.text('aZ 0\n"\\é漢😀\x00', max_size=9)
finite = st.floats(-1e12, 1e12).map(lambda value: float(f"{value:.5g}"))
spreads = st.builds(Spread, finite, finite, finite, st.integers(1, 100))
figures = st.builds(Figure, text, text, spreads, st.none() | finite, st.sampled_from(["above", "below"]), st.none() | finite)
outcomes = st.builds(
    Outcome,
    st.just("step_speed"),
    st.sampled_from(["full", "small"]),
    st.lists(figures, max_size=3).map(tuple),
    st.dictionaries(text, finite | text | st.lists(text)),
    finite,
    st.dictionaries(text, st.lists(finite)),
    st.lists(text, max_size=3).map(tuple),
)


@given(outcomes)
def test_outcome_comes_back_from_its_file(outcome):
    assert Outcome.from_json(outcome.to_json(), where="file") == outcome


def test_file_says_whether_goals_are_met_and_holds_five_digits():
    figure = Figure("speed", "times", Spread(1.23456789, 1.0, 2.0, 3), goal=1.0)
    written = json.loads(Outcome("step_speed", "full", (figure,), {}).to_json())
    assert written["figures"][0]["met"] is True
    assert written["figures"][0]["measured"] == {"median": 1.2346, "low": 1.0, "high": 2.0, "rounds": 3}


def test_number_that_json_does_not_know_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        Outcome("step_speed", "full", (), {}, series={"seconds": [float(np.inf)]}).to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "refeed-benchmark", "version": 2}'])
def test_other_file_is_refused_by_name(text):
    with pytest.raises(DataError, match=r"old\.json: not the outcome of a benchmark"):
        Outcome.from_json(text, where="old.json")


def test_folder_is_read_by_name_and_a_newer_outcome_replaces_the_older(tmp_path):
    for name, median in (("step_speed", 1.0), ("at_size", 2.0), ("step_speed", 3.0)):
        results.write(Outcome(name, "full", (Figure("speed", "times", Spread.of([median])),), {}), tmp_path)
    found = results.read_all(tmp_path)
    assert [(one.benchmark, one.figure("speed").measured.median) for one in found] == [("at_size", 2.0), ("step_speed", 3.0)]
