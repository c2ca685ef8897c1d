"""Trials of a search: given settings first, none twice, and only settings in the space are learnt from."""

from __future__ import annotations

from helpers.made_up_runs import outcome_of
from refeed.models import AutoEncoder, Bias
from refeed.optim.options import TrainingOptions
from refeed.tuning.proposals import Proposal
from refeed.tuning.search import ATTEMPTS, Search, do_round
from refeed.tuning.search_spaces import Between, OneOf

OPTIONS = TrainingOptions()
SPACE = {"item_regularisation": Between(0.5, 50.0), "user_regularisation": Between(0.5, 50.0)}


class Listed:
    """Proposes given settings, the last ones again and again, and keeps what it learns."""

    def __init__(self, *values):
        self.left, self.told, self.learnt = list(values), [], []

    def ask(self):
        return Proposal(self.left.pop(0) if len(self.left) > 1 else self.left[0], None)

    def tell(self, proposal, rmse):
        self.told.append((proposal.values, rmse))

    def add_observation(self, values, rmse):
        self.learnt.append((values, rmse))


def values(item, user):
    return {"item_regularisation": item, "user_regularisation": user}


def search(proposals, *given, space=SPACE):
    return Search([(spec, OPTIONS) for spec in given], space, proposals, name="trial {}".format, seed=3)


def error(run) -> float:
    return run.spec.item_regularisation / 100


def run_all(runs):
    return [outcome_of(run, train=(1.0,), valid=(error(run),)) for run in runs]


def test_given_settings_come_first_and_only_those_in_the_space_are_learnt_from():
    proposals = Listed(values(3.0, 3.0), values(4.0, 4.0))
    found = search(proposals, Bias(), Bias(sweeps=1), Bias(5, 8))
    pending = do_round([found], 5, run_all)
    assert [(trial.run.name, trial.run.seed) for trial in pending] == [(f"trial {number}", 3) for number in range(5)]
    assert [trial.run.spec for trial in pending] == [Bias(), Bias(sweeps=1), Bias(5, 8), Bias(3, 3), Bias(4, 4)]
    assert proposals.learnt == [(values(10.0, 15.0), 0.1), (values(5.0, 8.0), 0.05)]  # other sweeps are another space
    assert proposals.told == [(values(3.0, 3.0), 0.03), (values(4.0, 4.0), 0.04)]
    assert [(trial.number, trial.rmse) for trial in found.found] == [(0, 0.1), (1, 0.1), (2, 0.05), (3, 0.03), (4, 0.04)]


def test_settings_are_not_tried_twice():
    proposals = Listed(values(5, 8), values(10.0, 15.0), values(3.0, 3.0), values(3.0, 3.0))
    found = search(proposals, Bias(), Bias(5, 8))
    pending = do_round([found], 4, run_all)
    assert [trial.run.spec for trial in pending] == [Bias(), Bias(5, 8), Bias(3, 3)]
    assert found.exhausted
    assert proposals.told[:2] == [(values(5, 8), None), (values(10.0, 15.0), None)]
    assert len(proposals.told) == 2 + ATTEMPTS + 1


def test_given_settings_alone_need_no_proposals():
    found = search(None, Bias(), Bias(5, 8))
    assert [trial.run.spec for trial in do_round([found], 1, run_all)] == [Bias()]
    assert not found.exhausted
    assert [trial.run.spec for trial in do_round([found], 4, run_all)] == [Bias(5, 8)]
    assert found.exhausted


def test_searches_of_a_round_are_done_together_and_each_learns_from_its_own():
    batches = []

    def recorded(runs):
        batches.append([run.spec for run in runs])
        return run_all(runs)

    first, second = search(None, Bias(1, 1), Bias(2, 2)), search(None, Bias(3, 3))
    do_round([first, second], 2, recorded)
    assert batches == [[Bias(1, 1), Bias(2, 2), Bias(3, 3)]]
    assert [[trial.rmse for trial in search.found] for search in (first, second)] == [[0.01, 0.02], [0.03]]


def test_settings_that_do_not_go_together_are_no_run_but_a_failed_trial():
    together = {"tied": True, "decoder": (3,)}
    proposals = Listed(together)
    space = {"tied": OneOf((False, True)), "decoder": OneOf(((), (3,)))}
    found = search(proposals, AutoEncoder(encoder=(4,)), space=space)
    start, refused = do_round([found], 2, lambda runs: [outcome_of(run, train=(1.0,), valid=(0.9,)) for run in runs])
    assert (start.problem, refused.run) == ("", None)
    assert "decoder: tied weights need the mirrored decoder" in refused.problem == found.found[1].problem
    assert proposals.told == [(together, None)]


def test_run_that_was_not_done_is_no_trial_and_one_that_diverged_has_failed():
    proposals = Listed(values(3.0, 3.0))
    found = search(proposals, Bias(), Bias(5, 8))
    do_round([found], 3, lambda runs: [outcome_of(runs[0], status="diverged"), None, outcome_of(runs[2])])
    assert [(trial.number, trial.rmse) for trial in found.found] == [(0, None), (2, 1.1)]
    assert found.found[0].problem == "the loss is not a finite number"
    assert proposals.learnt == []
