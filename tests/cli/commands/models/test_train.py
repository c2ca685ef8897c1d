"""`refeed train`."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import weakref
from pathlib import Path

import pytest
import torch

from helpers.command_line import QUICK, done, refeed, refused, write_ratings
from refeed.cli.describing import describe_run
from refeed.cli.splitting import split
from refeed.data.ratings import RatingScale
from refeed.fitted_model import load
from refeed.progress import ConsoleProgress
from refeed.training.events import StepFinished


def weights(folder) -> dict[str, torch.Tensor]:
    """All that a model has learnt."""
    return load(folder).model.state_dict()


def same(one, other) -> bool:
    """Whether two models are equal bit for bit."""
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_model_folder_knows_what_it_was_made_of(model, ratings_csv):
    fitted = load(model)
    assert (len(fitted.users), len(fitted.items), len(fitted.histories)) == (40, 30, 480)
    assert fitted.scale == RatingScale(1, 5)
    assert fitted.spec.encoder == (8,)
    assert fitted.provenance.options["epochs"] == 2
    assert fitted.provenance.split["kind"] == "time"
    assert fitted.titles[0] == "Film 101, The"
    assert not model.with_name("model.checkpoint").exists()


def test_result_line_has_the_numbers_of_the_best_epoch(ratings_csv, tmp_path):
    run = done("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    provenance = load(tmp_path / "model").provenance
    best = provenance.log[provenance.best_epoch - 1]
    assert run.out == (
        f"{tmp_path / 'model'}: best epoch {provenance.best_epoch} of 2, "
        f"train RMSE {best['train_rmse']:.4f}, validation RMSE {best['valid_rmse']:.4f}\n"
    )
    assert "user-side autoencoder 30 > 8 > dropout 0.7 > 30, selu; adam at 0.001, batches of 16, 2 epochs (cpu, " in run.err
    assert run.err.endswith(f"next: refeed evaluate {tmp_path / 'model'} {ratings_csv}\n")


def test_next_step_can_be_pasted_where_names_have_spaces(tmp_path):
    path = write_ratings(tmp_path / "my ratings.csv")
    assert (
        f"next: refeed evaluate '{tmp_path}/my model' '{path}'" in done("train", path, "-o", tmp_path / "my model", *QUICK).err
    )


def test_lines_of_progress_are_not_broken(ratings_csv, tmp_path):
    err = done("train", ratings_csv, "-o", tmp_path / "model", *QUICK).err
    pattern = r"(?m)^epoch 2/2  train \d\.\d{4}  valid \d\.\d{4} \(best \d\.\d{4}\)  [\d,]+ ratings/s  100%  about \d+ s left$"
    assert re.search(pattern, err)


def test_one_seed_makes_the_run_and_another_one_another(ratings_csv, model, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "again", *QUICK)
    done("train", ratings_csv, "-o", tmp_path / "other", *QUICK, "--seed", "1")
    assert same(model, tmp_path / "again")
    assert not same(model, tmp_path / "other")


def test_settings_go_over_the_config_file_and_that_over_the_preset(ratings_csv, tmp_path):
    (tmp_path / "run.toml").write_text(
        '[model]\nencoder = [6, 4]\nactivation = "tanh"\n[training]\nepochs = 1\nrefeed_steps = 1\n'
    )
    changes = ("--set", "model.activation=relu", "--set", "training.batch_size=20", "--set", "tied=true")
    run = done(
        "train",
        ratings_csv,
        "-o",
        tmp_path / "model",
        "--preset",
        "paper-3-months",
        "--config",
        tmp_path / "run.toml",
        *changes,
    )
    fitted = load(tmp_path / "model")
    assert (fitted.spec.encoder, fitted.spec.activation, fitted.spec.dropout) == ((6, 4), "relu", 0.65)
    options = fitted.provenance.options
    assert (options["epochs"], options["batch_size"], options["optimizer"], options["patience"]) == (1, 20, "sgd", None)
    assert "30 > 6 > 4 > dropout 0.65 > 6 > 30, tied, relu" in run.err
    assert "1 re-feeding step(s) of whole outputs, label output" in run.err


def test_item_side_is_trained_over_the_users(ratings_csv, tmp_path):
    run = done("train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--set", "side=item", "--set", "dropout=0")
    assert "item-side autoencoder 40 > 8 > 40" in run.err
    assert load(tmp_path / "model").spec.side == "item"


def test_bias_baseline_is_a_model_too(ratings_csv, tmp_path):
    run = done("train", ratings_csv, "-o", tmp_path / "model", "--model", "bias", "--set", "user_regularisation=5")
    fitted = load(tmp_path / "model")
    assert (fitted.spec.kind, fitted.spec.user_regularisation) == ("bias", 5)
    assert "user and item biases (cpu" in run.err
    assert "epoch 1/1" not in run.err


def test_training_options_of_a_model_that_takes_none_are_refused(ratings_csv, tmp_path):
    message = refused(4, "train", ratings_csv, "-o", tmp_path / "model", "--model", "bias", "--set", "epochs=2")
    assert message.startswith("--set epochs: no option of 'bias', but of --model als, ")
    (tmp_path / "run.toml").write_text("[training]\nepochs = 2\n")
    message = refused(4, "train", ratings_csv, "-o", tmp_path / "model", "--model", "bias", "--config", tmp_path / "run.toml")
    assert "[training]: 'bias' takes no training options" in message


def test_ratings_of_the_file_are_let_go_of_before_training(ratings_csv, tmp_path, monkeypatch):
    sources, left = [], []

    def splitting(ratings, splitter):
        sources.append(weakref.ref(ratings))
        return split(ratings, splitter)

    def describing(*arguments):
        left.append(sources[0]())
        return describe_run(*arguments)

    monkeypatch.setattr("refeed.cli.commands.models.train.split", splitting)
    monkeypatch.setattr("refeed.cli.commands.models.train.describe_run", describing)
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    assert left == [None]


def test_histories_can_be_left_out(ratings_csv, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--no-histories")
    assert load(tmp_path / "model").histories is None


def test_split_column_is_used_and_recorded(tmp_path):
    path = write_ratings(tmp_path / "a.csv", with_fold=True)
    done("train", path, "-o", tmp_path / "model", *QUICK, "--split-column", "fold")
    split = load(tmp_path / "model").provenance.split
    assert (split["kind"], split["column"]) == ("column", "fold")
    report = json.loads(done("evaluate", tmp_path / "model", path, "--json", "-").out)
    assert report["num_ratings"] == path.read_text().count(",test")


def test_titles_come_from_the_file_that_is_named(ratings_csv, tmp_path):
    (tmp_path / "names.csv").write_text("id,name\n101,Heat\n102,Alien\n")
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK, "--items", tmp_path / "names.csv")
    assert load(tmp_path / "model").titles[:3] == ("Heat", "Alien", None)


def test_titles_of_other_items_beside_the_data_are_left_alone(tmp_path):
    path = write_ratings(tmp_path / "a.csv")
    (tmp_path / "movies.csv").write_text("movieId,title\n1,Other\n")
    done("train", path, "-o", tmp_path / "model", *QUICK)
    assert load(tmp_path / "model").titles == ()


@pytest.fixture
def interrupt_in_second_epoch(monkeypatch):
    """Let Ctrl-C come in the middle of the second epoch."""
    display = ConsoleProgress.__call__

    def interrupting(self, event):
        display(self, event)
        if isinstance(event, StepFinished) and (event.epoch, event.step) == (1, 1):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ConsoleProgress, "__call__", interrupting)


@pytest.mark.usefixtures("interrupt_in_second_epoch")
def test_interrupted_run_is_taken_up_and_ends_as_if_it_had_never_stopped(ratings_csv, model, tmp_path, monkeypatch):
    command = ("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    run = refeed(*command)
    checkpoint = tmp_path / "model.checkpoint"
    assert (run.status, run.out) == (130, "")
    assert "interrupted: stopped in epoch 2 after 1 batches; the state is kept in" in run.err
    assert run.err.endswith("To go on, give the same command again with --resume.\n")
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]

    monkeypatch.undo()
    assert f"{checkpoint}: an interrupted run lies there; take it up with --resume" in refused(4, *command)
    done(*command, "--resume")
    assert same(tmp_path / "model", model)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.usefixtures("interrupt_in_second_epoch")
def test_run_of_other_settings_is_not_taken_up(ratings_csv, tmp_path, monkeypatch):
    command = ("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    assert refeed(*command).status == 130
    monkeypatch.undo()
    assert "the checkpoint is of another run (different: seed)" in refused(5, *command, "--resume", "--seed", "1")
    assert (tmp_path / "model.checkpoint").is_dir()


def test_resume_without_an_interrupted_run_is_refused_before_the_data_are_read(tmp_path):
    error = refused(4, "train", tmp_path / "absent.csv", "-o", tmp_path / "model", "--resume")
    assert error.startswith(f"{tmp_path / 'model'}.checkpoint: there is no interrupted run to resume; leave out --resume")


def test_loss_that_explodes_stops_the_run_and_says_how_to_go_on(ratings_csv, tmp_path):
    wild = (
        "--set",
        "optimizer=sgd",
        "--set",
        "learning_rate=1e30",
        "--set",
        "activation=identity",
        "--set",
        "schedule=constant",
    )
    error = refused(6, "train", ratings_csv, "-o", tmp_path / "model", *QUICK, *wild)
    assert "learning_rate" in error
    assert "No epoch was finished, so there is no state to keep." in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_existing_output_is_refused_before_the_data_are_read(tmp_path, options):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.png").touch()
    words = "may be something else" if options else "exists already; choose another path, or replace it with --overwrite"
    assert words in refused(7, "train", tmp_path / "absent.csv", "-o", tmp_path / "photos", *options)


def test_overwrite_replaces_a_model(ratings_csv, tmp_path):
    done("train", ratings_csv, "-o", tmp_path / "model", *QUICK)
    done("train", ratings_csv, "-o", tmp_path / "model", "--model", "bias", "--overwrite")
    assert load(tmp_path / "model").spec.kind == "bias"


def test_output_below_a_file_is_refused_before_the_data_are_read(tmp_path):
    (tmp_path / "file").touch()
    error = refused(7, "train", tmp_path / "absent.csv", "-o", tmp_path / "file" / "model")
    assert f"cannot be written, since {tmp_path / 'file'} is a file and no folder" in error


def test_folder_that_is_not_writable_is_refused_before_the_data_are_read(tmp_path, monkeypatch):
    def refuse(path, **options):  # root may write everywhere, so no such folder is made
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "touch", refuse)
    error = refused(7, "train", tmp_path / "absent.csv", "-o", tmp_path / "model")
    assert "model: cannot be written (Permission denied)" in error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "epoch=3"), "--set epoch: unknown key 'epoch'; did you mean 'epochs'?"),
        (("--set", "model.epochs=3"), "--set model.epochs: no option of 'autoencoder', but of --model als, "),
        (("--set", "modle.encoder=3"), "--set modle.encoder: unknown section 'modle'; did you mean 'model'?"),
        (("--set", "epochs"), "'epochs': expected key=value, for example learning_rate=0.005"),
        (("--set", "epochs=0"), "epochs: expected at least 1, got 0"),
        (("--set", "epochs=many"), "--set [training]: epochs: expected a whole number, got 'many'"),
        (("--set", "dropout=1"), "dropout: expected 0 to below 1, got 1.0"),
        (("--set", "learning_rate=-1"), "learning_rate: expected above 0, got -1.0"),
        (("--set", "encoder=0"), "encoder: expected at least 1, got 0"),
        (("--set", "activation=sellu"), "activation: no 'sellu'; did you mean 'selu'?"),
        (("--set", "optimizer=adm"), "'adm' is not a choice; did you mean 'adam'?"),
        (("--preset", "paper"), "preset: no 'paper'; did you mean 'paper-full'?"),
        (("--model", "autoencodr"), "model: no 'autoencodr'; did you mean 'autoencoder'?"),
        (("--config", "absent.toml"), "absent.toml: cannot be read (No such file or directory)"),
        (("--config", "notes.txt"), "notes.txt: a settings file ends in .toml or .json"),
        (("--seed", "-1"), "seed: expected 0 to 2**63 - 1, got -1"),
        (("--threads", "0"), "threads: expected at least 1, got 0"),
        (("--device", "gpu"), "device: 'gpu' cannot be used on this machine"),
        (("--split", "time", "--folds", "3"), "--folds does not go with time"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_the_data_are_read(tmp_path, options, words):
    preset = () if "--preset" in options else ("--preset", "autoencoder")
    assert words in refused(4, "train", tmp_path / "absent.csv", "-o", tmp_path / "model", *preset, *options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[modle]\nencoder = [4]\n", "unknown section [modle]; did you mean 'model'?"),
        ("model = 3\n", "'model' must be a section [model] with keys in it"),
        ("[training]\nepochss = 3\n", "run.toml [training]: unknown key 'epochss'; did you mean 'epochs'?"),
        ("[training\n", "run.toml: not valid TOML"),
    ],
)
def test_config_files_that_cannot_be_are_refused(tmp_path, text, words):
    (tmp_path / "run.toml").write_text(text)
    options = ("--preset", "autoencoder", "--config", tmp_path / "run.toml")
    assert words in refused(4, "train", tmp_path / "absent.csv", "-o", tmp_path / "model", *options)


def test_ensemble_ends_with_its_members_weights_and_what_they_reach(ratings_csv, tmp_path):
    members = '["bias sweeps=1|2", "als epochs=2"]'
    run = done("train", ratings_csv, "-o", tmp_path / "model", "--model", "ensemble", "--set", f"members={members}")
    first, second, blend = run.out.splitlines()
    assert re.fullmatch(r".*model: weight [+-]\d\.\d\d  bias sweeps=[12]", first)
    assert re.fullmatch(r".*model: weight [+-]\d\.\d\d  als epochs=2", second)
    reached = r"validation RMSE \d\.\d{4} \(of each user with weights from other users\)"
    assert re.fullmatch(
        rf".*model: blend of 2 models( whose weights move with what is known of user and item)?, {reached}", blend
    )
    assert "member 2 of 2: als epochs=2\n" in run.err
