"""When an ordering holds, does not hold, or is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.made_up_runs import outcome_of
from refeed.models import Bias
from refeed.optim.options import TrainingOptions
from refeed.reproduce.ablations.claims import SINGLE_SEED_TIE, TIE, compare, judge
from refeed.reproduce.ablations.grid import Setting, SettingResult
from refeed.runs.run import Run

CLAIM = "A is lower than B"


def setting(label: str, *values: float, status: str = "finished") -> SettingResult:
    runs = tuple(Run(f"{label}/{seed}", Bias(), TrainingOptions(), seed) for seed in range(len(values)))
    outcomes = (
        outcome_of(run, Path("nowhere"), train=(value,), valid=(value,), status=status)
        for run, value in zip(runs, values, strict=True)
    )
    return SettingResult(Setting(label, runs), tuple(outcomes))


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ((0.900, 0.904), (0.930, 0.934), "below"),  # 4.303 * 0.0028 * 1 = 0.0122
        ((0.930, 0.934), (0.900, 0.904), "above"),
        ((0.90, 0.91), (0.93, 0.94), "tied"),  # 4.303 * 0.0071 * 1 = 0.0304
        ((0.90, 0.90), (0.90 + 0.9 * TIE, 0.90 + 0.9 * TIE), "tied"),  # too little to matter
        ((0.90, 0.90), (0.90 + 1.1 * TIE, 0.90 + 1.1 * TIE), "below"),
        ((0.90,), (0.90 + 0.9 * SINGLE_SEED_TIE,), "tied"),
        ((0.90,), (0.90 + 1.1 * SINGLE_SEED_TIE,), "below"),
    ],
)
def test_seeds_decide_what_is_a_difference(first, second, order):
    assert compare(first, second) == order


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_settings_that_do_not_differ_are_told_apart_in_about_a_twentieth_of_the_cases(seeds):
    values = np.random.default_rng(0).normal(0.93, 0.01, (2000, 2, seeds))
    apart = np.mean([compare(first, second) != "tied" for first, second in values.tolist()])
    assert 0.035 < apart < 0.065


def test_a_claim_whose_every_pair_holds_holds():
    a, b = setting("A", 0.90, 0.901), setting("B", 0.95, 0.951)
    finding = judge(CLAIM, [(a, b)], "final_train")
    assert (finding.verdict, finding.text) == ("holds", "A is lower than B, as in the paper (A 0.9005, B 0.9505).")


def test_a_claim_with_one_pair_the_other_way_round_does_not_hold():
    a, b, c = setting("A", 0.97), setting("B", 0.95), setting("C", 0.99)
    finding = judge(CLAIM, [(a, b), (a, c)], "best_valid")
    assert finding.verdict == "does not hold"
    assert finding.text == "A is lower than B: not here in 1 of 2 comparisons: A 0.9700 against B 0.9500."
    alone = judge(CLAIM, [(a, b)], "best_valid").text
    assert alone == "A is lower than B: not here in the only comparison: A 0.9700 against B 0.9500."


def test_many_contradictions_are_counted_not_all_listed():
    pairs = [(setting("A", 1.0), setting(f"B{n}", 0.9)) for n in range(5)]
    assert judge(CLAIM, pairs, "best_valid").text.endswith("B2 0.9000; and 2 more.")


def test_ties_leave_a_claim_open():
    a, b, c = setting("A", 0.95, 0.96), setting("B", 0.955, 0.957), setting("C", 0.99, 0.99)
    some = judge(CLAIM, [(a, b), (a, c)], "final_valid")
    assert some.verdict == "open" and "in 1 of 2 comparisons, and reversed in none; tied: A 0.9550" in some.text
    every = judge(CLAIM, [(a, b)], "final_valid")
    assert every.verdict == "open" and every.text == "A is lower than B: here they are tied (A 0.9550, B 0.9560)."


def test_settings_that_diverged_are_left_out():
    a, b, diverged = setting("A", 0.9), setting("B", 0.95), setting("C", 0.8, status="diverged")
    assert judge(CLAIM, [(a, b), (a, diverged)], "best_valid").verdict == "holds"
    finding = judge(CLAIM, [(a, diverged)], "best_valid")
    assert finding.verdict == "open" and finding.text.endswith("too many runs diverged.")
