"""`refeed tune`: from ratings to the best settings, and on to a model."""

from __future__ import annotations

import shlex
import signal
import tomllib
from pathlib import Path

import pytest

from helpers.command_line import done, refeed, refused, squeezed, write_ratings
from helpers.one_process import OneProcess
from refeed.cli.commands.experiments.tune import Sampler
from refeed.reports import extras
from refeed.runs import queue as run_queue
from refeed.tuning.proposals import SamplerName
from refeed.tuning.tune import TRIALS

BIASES = ("--model", "bias", "--threads", 1, "--trials", 3, "--split", "user-time")


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    OneProcess.done.clear()
    monkeypatch.setattr(run_queue, "WorkerPool", OneProcess)


@pytest.fixture
def data(tmp_path) -> Path:
    return write_ratings(tmp_path / "ratings.csv")


def next_command(err: str) -> list[str]:
    (line,) = [line for line in err.splitlines() if line.startswith("next: refeed ")]
    return shlex.split(line)[2:]


def test_samplers_are_those_that_there_are():
    assert [str(one) for one in Sampler] == list(SamplerName.__args__)


def test_help_says_the_number_of_trials():
    assert f"default: {TRIALS}," in squeezed(done("tune", "--help").out.replace("│", " "))


def test_search_prints_a_table_and_its_next_command_trains_the_best(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ("tune", data, "-o", tmp_path / "out", *BIASES, "--last", 2, "--user", "user", "--scale", 1, 5)
    ran = done(*command)
    assert OneProcess.done == ["trial 0", "trial 1", "trial 2"]
    assert "varied: item_regularisation=0.5..50:log, user_regularisation=0.5..50:log" in ran.err
    table, _, end = ran.out.partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()[:2]] == ["All", "trial"]
    assert sum("(start)" in line for line in table.splitlines()) == 1
    assert end.startswith("best: trial ")
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.toml",
        "report.html",
        "runs",
        "search.json",
        "splits",
        "trials.csv",
    ]
    following = next_command(ran.err)
    assert following[2:] == [
        *("-o", "model", "--config", str(folder / "best.toml"), "--seed", "0"),
        *("--user", "user", "--scale", "1.0", "5.0", "--split", "user-time", "--last", "2"),
    ]
    trained = done(*following)
    assert f"validation RMSE {end.split('validation RMSE ')[1].split()[0]}" in trained.out
    again = done(*command)
    assert len(OneProcess.done) == 3
    assert again.out == ran.out


def test_autoencoder_of_the_preset_is_tuned_unless_said_and_what_is_set_stays_so(data, tmp_path):
    sets = ("--set", "epochs=1", "--set", "model.encoder=4", "--set", "batch_size=16")
    ran = done("tune", data, "-o", tmp_path / "out", "--trials", 2, "--threads", 1, *sets, "--split", "random", "--header")
    best = tomllib.loads((tmp_path / "out" / "best.toml").read_text())
    assert (best["model"]["encoder"], best["training"]["epochs"], best["training"]["batch_size"]) == ([4], 1, 16)
    (varied,) = [line for line in ran.err.splitlines() if line.startswith("varied: ")]
    assert "dropout=" in varied and "encoder=" not in varied and "batch_size=" not in varied
    assert "--header" in next_command(ran.err)


def test_what_is_varied_can_be_said(data, tmp_path):
    vary = ("--set", "sweeps=2", "--vary", "sweeps=1..3")
    ran = done("tune", data, "-o", tmp_path / "out", *BIASES, *vary, "--sampler", "random", "--trials", 9)
    assert "stopped after 3 trials: no new settings were left to try" in ran.err
    rows = (tmp_path / "out" / "trials.csv").read_text().splitlines()[1:]
    assert rows[0].endswith(",2")
    assert sorted(row.split(",")[-1] for row in rows) == ["1", "2", "3"]


def test_importances_are_printed_where_there_are_trials_enough(data, tmp_path):
    ran = done("tune", data, "-o", tmp_path / "out", *BIASES, "--trials", 9)
    assert "Importance for being among the best trials" in ran.out


def test_time_is_a_limit_by_itself(data, tmp_path):
    error = refused(6, "tune", data, "-o", tmp_path / "out", "--model", "bias", "--threads", 1, "--minutes", 1e-9)
    assert "no trial was done (the time was over); give it more time" in error


def test_ctrl_c_says_how_to_go_on_and_leaves_what_is_best_so_far(data, tmp_path, monkeypatch):
    command = ("tune", data, "-o", tmp_path / "out", *BIASES)
    ended = run_queue.kept_outcome

    def interrupting(task, *, cached):
        if task.run.name == "trial 1" and not cached and not (tmp_path / "pressed").exists():
            (tmp_path / "pressed").touch()
            signal.raise_signal(signal.SIGINT)
        return ended(task, cached=cached)

    monkeypatch.setattr(run_queue, "kept_outcome", interrupting)
    cut = refeed(*command)
    assert cut.status == 130
    assert "interrupted: stopped with 2 trials done; give the same command again to continue" in cut.err
    assert "best: trial" in cut.out
    assert (tmp_path / "out" / "best.toml").is_file()
    done(*command)
    assert OneProcess.done == ["trial 0", "trial 1", "trial 2"]


def test_ctrl_c_before_any_trial_is_done_leaves_nothing_to_show(data, tmp_path, monkeypatch):
    class Pressed(OneProcess):
        def run(self, tasks, *, progressed, ended):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(run_queue, "WorkerPool", Pressed)
    cut = refeed("tune", data, "-o", tmp_path / "out", *BIASES)
    assert (cut.status, cut.out) == (130, "")
    assert "stopped with 0 trials done" in cut.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "ensemble"), "an ensemble is not tuned as a whole"),
        (("--preset", "default"), "an ensemble is not tuned as a whole"),
        (("--model", "none"), "model: no 'none'"),
        (("--vary", "dropuot=0..1"), "autoencoder has no option 'dropuot'"),
        (("--model", "bias", "--set", "item_regularisation=1", "--set", "user_regularisation=1"), "there is nothing to vary"),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_the_data_are_read(tmp_path, options, message):
    assert message in refused(4, "tune", tmp_path / "absent.csv", "-o", tmp_path / "out", *options)


def test_start_that_fails_is_said(data, tmp_path):
    wild = ("--set", "optimizer=sgd", "--set", "learning_rate=1e25", "--set", "epochs=1", "--vary", "learning_rate=1e25|0.001")
    ran = done("tune", data, "-o", tmp_path / "out", "--threads", 1, *wild, "--split", "random")
    assert "(start: failed)" in ran.out


def test_missing_extra_is_said_before_any_work(data, tmp_path, monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    error = refused(4, "tune", data, "-o", tmp_path / "out", *BIASES)
    assert "pip install 'refeed[tune]'" in error
    assert not (tmp_path / "out").exists()


def test_folder_of_another_search_is_refused_and_left_as_it_was(data, tmp_path):
    folder, command = tmp_path / "out", ("tune", data, *BIASES)
    done(*command, "--last", 2, "-o", folder)
    before = (folder / "best.toml").read_text()
    assert "with other ratings or split" in refused(7, *command, "--last", 3, "-o", folder)
    assert "with other seed" in refused(7, *command, "--last", 2, "--seed", 5, "-o", folder)
    assert (folder / "best.toml").read_text() == before
    done(*command, "--last", 2, "-o", folder, "--trials", 4)  # the same search goes on
    (folder / "search.json").write_text("[")
    assert "search.json: damaged" in refused(7, *command, "--last", 2, "-o", folder)
