"""A search: the same whatever cuts it off, never worse than its start, and no crash where a trial fails."""

from __future__ import annotations

import multiprocessing
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from helpers.one_process import OneProcess
from helpers.small_worlds import Recorder, random_split
from refeed.errors import ConfigError
from refeed.models import AutoEncoder, Bias, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.progress import Advanced, Finished, Message, Started, Stopped
from refeed.runs import queue as run_queue
from refeed.tuning import search as tuning_search
from refeed.tuning.search import ROUND
from refeed.tuning.search_spaces import Between, OneOf
from refeed.tuning.tune import tune

SPLIT = random_split()
OPTIONS = TrainingOptions()
SPACE = {"item_regularisation": Between(0.5, 50.0, log=True), "user_regularisation": Between(0.5, 50.0, log=True)}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    OneProcess.done.clear()
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)


def search(folder, *, spec=None, options=OPTIONS, split=SPLIT, **more):
    return tune(spec or Bias(), options, split, folder, **{"trials": 6, **more})


def told(tuning) -> list:
    return [(trial.number, dict(trial.values), trial.rmse) for trial in tuning.trials]


class Told(Recorder):
    """Presses Ctrl-C when a trial of that name begins."""

    def __init__(self, interrupt_at=None):
        super().__init__()
        self.interrupt_at = interrupt_at

    def __call__(self, event):
        super().__call__(event)
        if isinstance(event, Advanced) and f"  {self.interrupt_at} epoch " in event.status:
            signal.raise_signal(signal.SIGINT)

    @property
    def messages(self) -> list[str]:
        return [event.text for event in self.of(Message)]


def test_first_trial_is_the_start_and_the_best_is_never_worse(tmp_path):
    tuning = search(tmp_path)
    assert dict(tuning.trials[0].values) == {"item_regularisation": 10.0, "user_regularisation": 15.0}
    assert tuning.trials[0].outcome.run.spec == Bias()
    assert [trial.number for trial in tuning.trials] == list(range(6))
    assert tuning.best.rmse == min(trial.rmse for trial in tuning.trials) <= tuning.trials[0].rmse
    assert tuning.stopped == ""


def test_test_part_is_never_read(tmp_path):
    other = replace(SPLIT.test, values=np.full_like(SPLIT.test.values, 1.0))
    assert told(search(tmp_path / "a")) == told(search(tmp_path / "b", split=replace(SPLIT, test=other)))
    assert all(not trial.outcome.run.reads_test for trial in search(tmp_path / "a").trials)


def test_no_trial_is_done_twice_and_more_go_on_from_fewer(tmp_path):
    six = search(tmp_path)
    assert len(OneProcess.done) == 6
    ten = search(tmp_path, trials=10, progress=(events := Told()))
    assert len(OneProcess.done) == 10
    assert told(ten)[:6] == told(six)
    assert [", done before (" in message for message in events.messages] == [True] * 6 + [False] * 4
    assert told(search(tmp_path / "anew", trials=10)) == told(ten)


def test_trials_are_the_same_for_any_few_workers_and_other_for_another_seed(tmp_path):
    found = [told(search(tmp_path, trials=9, workers=workers, threads=workers)) for workers in (1, ROUND)]
    assert found[0] == found[1]
    assert told(search(tmp_path, trials=9, seed=1)) != found[0]


def test_search_cut_off_by_ctrl_c_has_what_was_done_and_goes_on_to_the_same_end(tmp_path):
    cut = search(tmp_path, progress=(events := Told(interrupt_at="trial 5")))
    assert cut.stopped == "interrupted"
    assert events.events[0] == Started(task="0/6 trials", total=1.0, completed=0.0) and events.events[-1] == Stopped()
    assert events.messages[-1].startswith("stopping: the runs under way keep their state")
    assert [trial.number for trial in cut.trials] == [0, 1, 2, 3, 4, 5]  # in one process a run is over before it is told of
    cut = search(tmp_path / "early", progress=Told(interrupt_at="trial 1"))
    assert [trial.number for trial in cut.trials] == [0, 1]
    assert told(search(tmp_path / "early")) == told(search(tmp_path))


@pytest.mark.slow
def test_real_workers_keep_a_trial_under_way_and_end_with_the_search(tmp_path, monkeypatch):
    monkeypatch.undo()
    spec, options = AutoEncoder(encoder=(8,)), TrainingOptions(epochs=30, learning_rate=0.01)
    more = {"spec": spec, "options": options, "space": {"dropout": Between(0.0, 0.9)}, "trials": 3, "workers": 2, "threads": 2}
    cut = search(tmp_path, progress=Told(interrupt_at="trial 2"), **more)
    assert cut.stopped == "interrupted"
    assert multiprocessing.active_children() == []
    whole = search(tmp_path, **more)
    assert told(whole) == told(search(tmp_path / "anew", **more))
    assert [trial.number for trial in whole.trials] == [0, 1, 2]


class Clock(Told):
    """A trial takes half a minute."""

    def __init__(self, monkeypatch):
        super().__init__()
        monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + 30.0 * self.trials)

    @property
    def trials(self) -> int:
        return sum(message.startswith("trial ") for message in self.messages)


def test_no_trial_begins_when_the_time_is_over(tmp_path, monkeypatch):
    tuning = search(tmp_path, trials=None, minutes=2.5, progress=(events := Clock(monkeypatch)))
    assert tuning.stopped == "time"
    assert [trial.number for trial in tuning.trials] == [0, 1, 2, 3, 4]
    assert [event.completed for event in events.of(Finished)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    further = search(tmp_path, trials=None, minutes=2.5, progress=Clock(monkeypatch))
    assert told(further) == told(tuning)  # the clock counts trials of before, too


def test_trial_that_diverges_is_a_failed_one(tmp_path):
    options = TrainingOptions(epochs=1, optimizer="sgd", learning_rate=0.01)
    space = {"learning_rate": OneOf((0.01, 1e25))}
    tuning = search(tmp_path, spec=AutoEncoder(encoder=(4,)), options=options, space=space)
    assert [trial.rmse is None for trial in tuning.trials] == [False, True]
    assert "not finite" in tuning.trials[1].problem
    assert tuning.best is tuning.trials[0]


def test_all_that_fails_leaves_no_best(tmp_path):
    options = TrainingOptions(epochs=1, optimizer="sgd", learning_rate=1e25)
    tuning = search(tmp_path, spec=AutoEncoder(encoder=(4,)), options=options, space={"dropout": Between(0.0, 0.5)}, trials=2)
    assert tuning.best is None
    assert len(tuning.trials) == 2


def test_settings_that_do_not_go_together_are_failed_trials(tmp_path):
    space = {"tied": OneOf((False, True)), "decoder": OneOf(((), (3,)))}
    options = TrainingOptions(epochs=1)
    tuning = search(
        tmp_path, spec=AutoEncoder(encoder=(4,), decoder=()), options=options, space=space, progress=(events := Told())
    )
    (failed,) = [trial for trial in tuning.trials if trial.outcome is None]
    assert dict(failed.values) == {"tied": True, "decoder": (3,)}
    assert f"trial {failed.number}: not possible ({failed.problem})" in events.messages
    assert "decoder: tied weights need the mirrored decoder" in failed.problem
    assert tuning.stopped == "exhausted"
    assert len(tuning.trials) == 4


def test_round_of_refused_settings_alone_ends_with_its_time(tmp_path, monkeypatch):
    def never(*_):
        raise ConfigError("never")

    monkeypatch.setattr(tuning_search, "changed", never)
    tuning = search(tmp_path, trials=None, minutes=1, space=SPACE, progress=Clock(monkeypatch))
    assert tuning.stopped == "time"
    assert len(tuning.trials) == 2 * ROUND
    assert [trial.problem for trial in tuning.trials] == ["", *["never"] * (2 * ROUND - 1)]


def test_start_outside_of_the_space_is_tried_none_the_less(tmp_path):
    tuning = search(tmp_path, space={"sweeps": Between(1, 3)})
    assert tuning.trials[0].values["sweeps"] == 10
    assert sorted(trial.values["sweeps"] for trial in tuning.trials) == [1, 2, 3, 10]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trials": 0}, "trials: expected at least 1, got 0"),
        ({"workers": 0}, "workers: expected at least 1, got 0"),
        ({"threads": 0}, "threads: expected at least 1, got 0"),
        ({"minutes": 0.0}, "minutes: expected above 0, got 0.0"),
        ({"trials": None}, "or the search would never end"),
        ({"spec": Ensemble()}, "an ensemble is not tuned as a whole"),
        ({"spec": Ensemble(), "space": SPACE}, "an ensemble is not tuned as a whole"),
        ({"space": {}}, "there is nothing to vary"),
        ({"space": {"width": Between(1, 2)}}, "bias has no option 'width'"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_work(tmp_path, wrong, message):
    with pytest.raises(ConfigError, match=message):
        search(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_split_without_validation_ratings_is_refused(tmp_path):
    class Nothing:
        def __len__(self):
            return 0

    with pytest.raises(ConfigError, match="the split has no validation ratings"):
        search(tmp_path, split=replace(SPLIT, valid=Nothing()))
