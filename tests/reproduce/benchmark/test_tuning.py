"""Equal budgets: hand-picked candidates first, then proposals of a search that learns from them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.made_up_runs import outcome_of, system_named
from refeed.errors import ConfigError
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.reproduce.benchmark.systems import HAND_PICKED, System, candidates, systems
from refeed.reproduce.benchmark.tuning import best_trial, require_search, tune_systems
from refeed.reproduce.scales import SCALES
from refeed.runs.run import Run
from refeed.tuning.search_spaces import OneOf

ENSEMBLE = System("many", "many", "ours", candidates(Ensemble()))


class Made:
    """Does runs without training; `batches` are their names, queue call by queue call."""

    def __init__(self, error=lambda run: 1.0):
        self.batches, self.error = [], error

    def __call__(self, runs):
        self.batches.append([run.name for run in runs])
        return [outcome_of(run, train=(1.0,), valid=(self.error(run),)) for run in runs]


def of_items(run) -> float:
    """The smaller the better."""
    return 1 + run.spec.item_regularisation / 100


def tuned(*systems, trials, seed=0, run=None):
    return tune_systems(systems, trials=trials, seed=seed, run=run or Made(of_items))


@pytest.fixture
def no_optuna(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)


def test_hand_picked_candidates_come_first_and_proposals_in_rounds_of_all_systems_together():
    made = Made(of_items)
    first, other = tuned(system_named("a"), system_named("b"), trials=10, run=made)
    assert [len(batch) for batch in made.batches] == [8, 8, 4]
    numbers = [f"benchmark/{name}/trial {number}" for name in ("a", "b") for number in range(1, 11)]
    assert sorted(numbers) == sorted(name for batch in made.batches for name in batch)
    assert made.batches[2] == [f"benchmark/{name}/trial {number}" for name in ("a", "b") for number in (9, 10)]
    assert first.tried[:HAND_PICKED] == first.system.candidates
    assert first.tried == other.tried  # the same model, space and seed
    assert len({(tried.spec, tried.options) for tried in first.tried}) == len(first.trials) == 10
    assert [outcome.run.spec for outcome in first.trials] == [tried.spec for tried in first.tried]


@pytest.mark.parametrize("trials", [1, 2, HAND_PICKED])
@pytest.mark.usefixtures("no_optuna")
def test_few_trials_are_hand_picked_and_need_no_search(trials):
    system = system_named("a")
    require_search([system], trials)
    (found,) = tuned(system, trials=trials)
    assert found.tried == system.candidates[:trials]


def test_search_follows_from_the_seed_and_more_trials_go_on_from_fewer():
    (ten,), (again,), (twelve,) = (tuned(system_named("a"), trials=trials) for trials in (10, 10, 12))
    assert ten.tried == again.tried == twelve.tried[:10]
    (other,) = tuned(system_named("a"), trials=10, seed=1)
    assert other.tried[:HAND_PICKED] == ten.tried[:HAND_PICKED]
    assert other.tried != ten.tried


def test_search_learns_from_the_hand_picked_candidates():
    far = [f"item_regularisation={item} user_regularisation={user}" for item, user in ((0.6, 0.6), (45, 45), (1, 40))]
    system = System("far", "far", "ours", candidates(Bias(), *far))
    (few,), (many,) = (
        tuned(system, trials=5, run=Made(error))
        for error in (lambda run: run.spec.user_regularisation, lambda run: -run.spec.user_regularisation)
    )
    assert few.tried[:HAND_PICKED] == many.tried[:HAND_PICKED]
    proposed = few.tried[HAND_PICKED].spec
    assert max(proposed.item_regularisation, proposed.user_regularisation) < 1  # near the best
    assert many.tried[HAND_PICKED].spec.item_regularisation > 30


def test_proposals_are_described_as_changes_of_the_first_settings():
    (found,) = tuned(system_named("a"), trials=9)
    for candidate in found.tried[HAND_PICKED:]:
        assert candidates(Bias(), candidate.change)[1] == candidate
        assert {part.partition("=")[0] for part in candidate.change.split()} <= {"item_regularisation", "user_regularisation"}


def test_system_whose_space_is_smaller_than_the_budget_ends_and_others_go_on():
    small = System(
        "small", "small", "ours", candidates(Bias(), *["sweeps=1"] * (HAND_PICKED - 1)),
        fixed=("user_regularisation",), ranges={"item_regularisation": OneOf((10.0, 5.0, 20.0))},
    )  # fmt: skip
    short, whole = tuned(small, system_named("a"), trials=12)
    assert sorted(candidate.change for candidate in short.tried[HAND_PICKED:]) == [
        "item_regularisation=20",
        "item_regularisation=5",
    ]
    assert len(whole.trials) == 12


def test_system_that_tunes_itself_is_not_tuned():
    made = Made()
    (found,) = tuned(ENSEMBLE, trials=12, run=made)
    assert (found.tried, found.trials, found.chosen) == (ENSEMBLE.candidates, (), 0)
    assert [name for batch in made.batches for name in batch] == []


def test_proposal_that_the_model_does_not_take_is_a_trial_without_a_run():
    options = TrainingOptions(epochs=1)
    steps = ["dropout=0.1", "dropout=0.2", "dropout=0.3"]
    net = System(
        "net", "net", "ours", candidates(AutoEncoder(encoder=(4,), decoder=()), *steps, options=options),
        fixed=("encoder", "dropout", "weight_decay", "learning_rate", "batch_size", "activation"),
        ranges={"tied": OneOf((False, True)), "decoder": OneOf(((), (3,)))},
    )  # fmt: skip
    (found,) = tuned(net, trials=8, run=Made())
    assert sorted(candidate.change for candidate in found.tried[HAND_PICKED:]) == ["decoder=3", "tied=true"]
    assert len(found.trials) == len(found.tried)


def test_best_settings_are_chosen_wherever_they_come_from():
    (found,) = tuned(system_named("a"), trials=12)
    errors = [outcome.valid_rmse for outcome in found.trials]
    assert found.chosen == errors.index(min(errors)) >= HAND_PICKED


def test_lowest_validation_error_wins_and_the_first_of_equal_ones():
    def outcome(valid, status="finished"):
        return outcome_of(Run("x", Bias(), TrainingOptions(), 0), train=(1.0,), valid=(valid,), status=status)

    assert best_trial([outcome(0.9), outcome(0.8), outcome(0.8)]) == 1
    assert best_trial([outcome(0.9), outcome(0.1, status="diverged")]) == 0
    assert best_trial([outcome(0.9, status="diverged")]) is None
    assert best_trial([replace(outcome(0.9), valid_rmse=None)]) is None


@pytest.mark.usefixtures("no_optuna")
def test_missing_search_is_said_with_what_to_install():
    with pytest.raises(ConfigError) as error:
        require_search([ENSEMBLE, system_named("a")], 12)
    first, second = str(error.value).splitlines()
    assert "pip install 'refeed[tune]'" in first
    assert "Of 12 settings" in second and "the first 4; --trials 4 " in second
    require_search([ENSEMBLE], 12)


def test_only_the_papers_budget_needs_a_search():
    assert [name for name, scale in SCALES.items() if scale.trials > HAND_PICKED] == ["paper"]


def test_docs_say_the_number_of_settings_of_each_budget():
    text = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "tuning.md").read_text(encoding="utf-8")
    for name, scale in SCALES.items():
        assert f"| `{name}` | {scale.trials} | {max(0, scale.trials - HAND_PICKED) or 'none'} |" in text


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_system_gets_the_papers_number_of_trials(scale):
    made = Made(lambda run: 1 + len(str(run.spec)) / 1000)
    for found in tuned(*systems(scale), trials=SCALES["paper"].trials, run=made):
        takes_options = found.system.candidates[0].spec.uses_training_options
        settings = {(tried.spec, tried.options if takes_options else None) for tried in found.tried}
        assert len(settings) == (1 if found.system.tunes_itself else 12), found.system.name
