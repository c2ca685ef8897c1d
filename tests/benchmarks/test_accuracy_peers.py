"""Test errors of other libraries: options chosen on the validation part, records kept as they come."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import accuracy_peers
from accuracy_peers import Fit, contend, finished, main, measure, read, summary, table
from harness.children import ChildError
from helpers.small_worlds import random_split
from measures.contenders import CONTENDERS, LARGE, Contender, grid
from refeed.metrics.rating_errors import rmse

SPLIT = random_split()
MISSING = Contender("no-such-library", "no_such_library", "nothing", lambda train: train, grid(value=(1.0,)))


def constant(train, *, threads, seed, value, lift=0.0):
    """Predicts a value, a little more for other seeds and for more training ratings."""
    return lambda users, items: np.full(len(users), value + seed + lift * len(train))


def contender(**choices) -> Contender:
    return Contender("numpy", "numpy", "a constant", constant, grid(**choices))


def test_grid_has_all_combinations():
    assert grid(penalty=(0.1, 0.2), factors=(8,)) == ({"penalty": 0.1, "factors": 8}, {"penalty": 0.2, "factors": 8})


@pytest.mark.parametrize("name", CONTENDERS)
def test_options_are_those_that_the_fit_takes(name):
    one = CONTENDERS[name]
    for options in (*one.grid, *one.options_for(10**6)):
        inspect.signature(one.fit).bind(SPLIT.train, threads=1, seed=0, **options)


def test_options_that_take_long_are_left_out_of_large_ratings():
    few, many = grid(epochs=(20,)), grid(epochs=(20, 60))
    one = Contender("numpy", "numpy", "a constant", constant, many, few)
    assert (one.options_for(LARGE), one.options_for(LARGE + 1)) == (many, few)
    assert contender(epochs=(20, 60)).options_for(LARGE + 1) == many


def test_option_of_the_lowest_validation_error_is_fitted_with_each_seed(monkeypatch):
    monkeypatch.setitem(accuracy_peers.CONTENDERS, "constant", contender(value=(1.0, 3.0, 5.0)))
    record, fits = contend("constant", SPLIT, seeds=2, refit=False)
    assert record["options"] == {"value": 3.0}
    assert record["validation"]["value 3"] == rmse(SPLIT.valid.values, np.full(len(SPLIT.valid), 3.0))
    assert [one.predictions.tolist() for one in fits["train"]] == [[stars] * len(SPLIT.test) for stars in (3.0, 4.0)]
    assert list(fits) == ["train"]


def test_refitting_learns_from_train_and_valid(monkeypatch):
    monkeypatch.setitem(accuracy_peers.CONTENDERS, "constant", contender(value=(1.0,), lift=(0.001,)))
    _, fits = contend("constant", SPLIT, seeds=1, refit=True)
    learnt = {source: round(1000 * (some[0].predictions[0] - 1)) for source, some in fits.items()}
    assert learnt == {"train": len(SPLIT.train), "train+valid": len(SPLIT.train) + len(SPLIT.valid)}


def test_predictions_are_clipped_to_the_scale():
    one = accuracy_peers.fit(contender(), SPLIT.train, SPLIT.valid, {"value": 9.0}, seed=0)
    assert set(one.predictions.tolist()) == {5.0}


def test_summary_is_the_mean_and_spread_over_the_seeds():
    truth = np.asarray(SPLIT.test.values, np.float64)
    found = summary([Fit(truth + error, 1.0, 2.0) for error in (0.5, 1.0)], SPLIT.test)
    assert (found["rmse"], found["spread"]) == pytest.approx((0.75, math.sqrt(0.125)))
    assert found["interval"] == pytest.approx([math.sqrt(0.625)] * 2)  # every user errs alike
    assert (found["seconds"], found["cpu_seconds"]) == ([1.0, 1.0], [2.0, 2.0])


def test_one_seed_has_no_spread():
    assert summary([Fit(np.asarray(SPLIT.test.values), 1.0, 1.0)], SPLIT.test)["spread"] is None


def test_library_that_is_absent_is_a_line(monkeypatch):
    monkeypatch.setitem(accuracy_peers.CONTENDERS, "missing", MISSING)
    record = measure("some", "missing", SPLIT, seeds=1, work=None)
    assert table({"some": {"missing": record}}).rows[0][:3] == ["some", "missing", "no-such-library is not installed here"]
    assert not finished(record, MISSING, SPLIT, 1)


@pytest.mark.parametrize(("split_name", "sources"), [("ml-100k-u1", ["train", "train+valid"]), ("ml-1m-time80", ["train"])])
def test_published_protocol_is_measured_too_where_there_is_one(split_name, sources, monkeypatch, tmp_path):
    monkeypatch.setitem(accuracy_peers.CONTENDERS, "constant", contender(value=(3.0,)))
    monkeypatch.setattr(accuracy_peers, "apart", lambda _, work, *arguments, threads: work(*arguments))
    record = measure(split_name, "constant", SPLIT, seeds=1, work=tmp_path)
    assert record["library"] == f"numpy {np.__version__}" and finished(record, contender(value=(3.0,)), SPLIT, 1)
    assert list(record["fits"]) == sources and len(list(tmp_path.iterdir())) == len(sources)


def test_kept_predictions_are_named_by_source_and_seed(tmp_path):
    accuracy_peers.keep({"train": [Fit(np.array([1.0, 2.5]), 1.0, 1.0)]}, tmp_path / "new", "some-library")
    assert np.load(tmp_path / "new" / "some-library-train-0.npy").tolist() == [1.0, 2.5]


def record_of(split, one, *, seeds):
    fits = {"train": summary([Fit(np.asarray(split.test.values), 1.0, 1.0)] * seeds, split.test)}
    validation = {accuracy_peers.words(options): 1.0 for options in one.options_for(len(split.train))}
    return {"split": split.fingerprint, "options": one.grid[0], "validation": validation, "fits": fits}


def test_record_is_finished_for_its_split_its_options_and_number_of_seeds():
    one = contender(value=(1.0, 3.0))
    record = record_of(SPLIT, one, seeds=2)
    assert finished(record, one, SPLIT, 2) and finished(record, one, SPLIT, 1)
    assert not finished(record, one, SPLIT, 3)
    assert not finished(record, one, random_split(users=12), 2)
    assert not finished(record, contender(value=(1.0, 3.0, 5.0)), SPLIT, 2)
    assert not finished(None, one, SPLIT, 1)


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Runs the script on a small split with two libraries, of which a list says when each was measured."""
    measured, fails = [], set()

    def measure_one(split_name, peer, split, *, seeds, work):
        if peer in fails:
            raise ChildError(f"{peer} has failed")
        measured.append(peer)
        return record_of(split, CONTENDERS[peer], seeds=seeds)

    monkeypatch.setattr(accuracy_peers, "measure", measure_one)
    monkeypatch.setattr(accuracy_peers.machine, "describe", lambda **_: {"cpus": 1})
    monkeypatch.setattr(accuracy_peers.os, "environ", {})

    def run(*words):
        arguments = [*words, "--peers", "myfm", "cornac-mf", "--results", str(tmp_path)]
        return main(arguments, splits={"small": lambda: SPLIT})

    return run, measured, fails, tmp_path


def test_what_is_done_is_written_at_once_and_not_done_again(script, capsys):
    run, measured, fails, folder = script
    fails.add("cornac-mf")
    assert run("small") == 1
    assert "cornac-mf has failed" in capsys.readouterr().err
    assert list(read(folder)["small"]) == ["myfm"]
    fails.clear()
    assert run() == 0
    assert measured == ["myfm", "cornac-mf"] and list(read(folder)["small"]) == measured
    assert capsys.readouterr().out.count("small") == 2
    run("--again")
    assert len(measured) == 4


@pytest.mark.parametrize(("words", "said"), [(["huge"], "no split 'huge'"), (["--seeds", "0"], "at least 1, got 0")])
def test_option_that_makes_no_sense_is_refused(words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CONTENDERS)
def test_contender_predicts_better_than_the_mean(name):
    one = CONTENDERS[name]
    pytest.importorskip(one.module, reason=f"{one.library} comes with the bench extra")
    parts = random_split(users=200, items=60)
    found = accuracy_peers.fit(one, parts.train, parts.test, one.grid[0], seed=0)
    mean = np.full(len(parts.test), parts.train.values.mean())
    assert rmse(parts.test.values, found.predictions) < rmse(parts.test.values, mean)
