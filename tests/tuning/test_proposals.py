"""What is proposed: from the seed alone, within the space, and nearer to what was good."""

from __future__ import annotations

import numpy as np
import pytest

from refeed.errors import ConfigError
from refeed.reports import extras
from refeed.tuning.proposals import LEAST_FOR_IMPORTANCES, RANDOM_TRIALS, Proposals
from refeed.tuning.search_spaces import Between, OneOf

SPACE = {
    "dropout": Between(0.0, 0.9),
    "weight_decay": Between(1e-4, 1e-1, log=True),
    "width": Between(8, 64, log=True),
    "encoder": OneOf(((8,), (8, 4))),
    "noise": OneOf((None, 8.0)),
}


def error(values) -> float:
    """Lowest without dropout."""
    return 1.0 + values["dropout"]


def proposed(number, *, sampler="tpe", seed=0, failing=()) -> list[dict]:
    """The values of so many proposals; each is told before the next is asked for."""
    proposals = Proposals(SPACE, sampler=sampler, seed=seed)
    found = []
    for place in range(number):
        one = proposals.ask()
        proposals.tell(one, None if place in failing else error(one.values))
        found.append(dict(one.values))
    return found


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_proposals_follow_from_the_seed_and_lie_in_the_space(sampler):
    found = proposed(12, sampler=sampler)
    assert found == proposed(12, sampler=sampler)
    assert found != proposed(12, sampler=sampler, seed=1)
    assert all(values[name] in choice for values in found for name, choice in SPACE.items())
    assert {type(values["width"]) for values in found} == {int}
    assert {values["encoder"] for values in found} == {(8,), (8, 4)}
    assert all(len(f"{values['weight_decay']:.10g}".lstrip("0.").replace(".", "")) <= 3 for values in found)


def test_tree_learns_what_was_good_and_random_draws_do_not():
    learnt, drawn = (np.mean([one["dropout"] for one in proposed(40, sampler=name)[20:]]) for name in ("tpe", "random"))
    assert learnt < 0.2 < drawn


def test_failed_trials_are_nothing_to_learn_from():
    failing = range(RANDOM_TRIALS, 12)
    assert proposed(12, failing=failing)[:RANDOM_TRIALS] == proposed(12)[:RANDOM_TRIALS]
    assert proposed(12, failing=failing) != proposed(12)


def test_settings_that_were_not_proposed_are_learnt_from_where_they_lie_in_the_space():
    start = {"dropout": 0.1, "weight_decay": 1e-3, "width": 8, "encoder": (8,), "noise": None}
    proposals = Proposals(SPACE, sampler="tpe", seed=0)
    proposals.add_observation({**start, "dropout": 0.95}, 1.0)
    proposals.add_observation({**start, "encoder": (9,)}, 1.0)
    for _ in range(LEAST_FOR_IMPORTANCES - 1):
        one = proposals.ask()
        proposals.tell(one, error(one.values))
    assert proposals.importances() == {}
    proposals.add_observation(start, 1.1)
    assert set(proposals.importances()) == set(SPACE)


def test_option_that_decides_is_the_most_important():
    proposals = Proposals(SPACE, sampler="random", seed=0)
    for _ in range(60):
        one = proposals.ask()
        proposals.tell(one, error(one.values))
    importances = proposals.importances()
    assert next(iter(importances)) == "dropout"
    assert sum(importances.values()) == pytest.approx(1.0)


def test_single_option_has_no_importance():
    proposals = Proposals({"dropout": SPACE["dropout"]}, sampler="random", seed=0)
    for _ in range(LEAST_FOR_IMPORTANCES):
        one = proposals.ask()
        proposals.tell(one, error(one.values))
    assert proposals.importances() == {}


def test_numbers_stay_in_their_range_when_they_are_rounded():
    proposals = Proposals({"x": Between(0.12341, 0.12349)}, sampler="random", seed=0)
    assert {proposals.ask().values["x"] for _ in range(3)} == {0.12341}


def test_missing_extra_is_named(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"tuning needs the extra: pip install 'refeed\[tune\]' \(No module named 'optuna'\)"):
        Proposals(SPACE, sampler="tpe", seed=0)
