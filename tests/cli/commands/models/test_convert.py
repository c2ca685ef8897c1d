"""`refeed convert`."""

from __future__ import annotations

import errno
import json
import os

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from helpers.command_line import done, refused, squeezed
from helpers.original_program import dense_rows, first_seen, original_forward, original_weights, write_training_folder
from refeed.fitted_model import load


@pytest.fixture
def original(tmp_path):
    """Weights and training folder of an original model, and its triplets and weights in memory."""
    triplets = write_training_folder(tmp_path / "training")
    state = original_weights((7, 5, 4), tied=False)
    torch.save(state, tmp_path / "model.epoch_9")
    return tmp_path / "model.epoch_9", tmp_path / "training", triplets, state


def test_converted_model_predicts_and_recommends_what_the_original_does(original, tmp_path):
    weights, folder, triplets, state = original
    run = done("convert", weights, folder, "-o", tmp_path / "model", "--no-last-layer-activation", "--dropout", "0.8")
    rows = dense_rows(triplets)
    users, items = (first_seen([triplet[part] for triplet in triplets]) for part in (0, 1))
    outputs = original_forward(state, rows, F.selu, last=False).clip(rows[rows > 0].min(), rows.max())[3]
    found = json.loads(done("recommend", tmp_path / "model", "-u", users[3], "--json", "-", "--include-seen").out)
    assert {one["item"]: one["rating"] for one in found["recommendations"]} == pytest.approx(
        dict(zip(items, outputs.tolist(), strict=True)), abs=1e-5
    )
    assert run.out == f"{tmp_path / 'model'}: model of {len(users)} users and 7 items\n"
    assert load(tmp_path / "model").spec.dropout == 0.8


def test_what_was_taken_for_granted_is_said(original, tmp_path):
    weights, folder, _, _ = original
    err = squeezed(done("convert", weights, folder, "-o", tmp_path / "model", "--activation", "swish", "--side", "user").err)
    assert "user-side autoencoder 7 > 5 > 4 > 5 > 7, silu" in err
    assert "The file does not store the activation; assumed: swish, also on the last layer." in err
    assert "converted from the original program's model.epoch_9, files in the order of their names; RMSE" in err


def test_no_split_is_recorded_and_evaluation_says_what_to_give(original, tmp_path):
    weights, folder, _, _ = original
    done("convert", weights, folder, "-o", tmp_path / "model")
    error = refused(3, "evaluate", tmp_path / "model", folder)
    assert "this model folder records no split" in error
    assert "--history FILE" in error


def test_existing_output_is_refused_before_the_weights_are_read(tmp_path):
    (tmp_path / "model").mkdir()
    error = refused(7, "convert", tmp_path / "absent", tmp_path, "-o", tmp_path / "model")
    assert "model: exists already" in error


def test_full_disk_while_saving_leaves_nothing(original, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("refeed.fitted_model.write_ids", full)
    weights, folder, _, _ = original
    assert "No space left on device" in refused(7, "convert", weights, folder, "-o", tmp_path / "model")
    assert {path.name for path in tmp_path.iterdir()} == {"training", "model.epoch_9"}


def test_file_that_would_run_code_is_refused(original, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    weights, folder, _, _ = original
    torch.save(Trap(), weights)
    assert "anything but tensors is refused, since it could run code" in refused(
        5, "convert", weights, folder, "-o", tmp_path / "model"
    )
    assert not (tmp_path / "trap").exists()


def test_damaged_file_and_wrong_folder_are_refused(original, ratings_csv, tmp_path):
    weights, folder, _, _ = original
    write_training_folder(tmp_path / "other", users=12, items=11)
    assert "Give the folder that this model was trained on" in refused(
        5, "convert", weights, tmp_path / "other", "-o", tmp_path / "m"
    )
    assert "there are no *.txt files" in refused(3, "convert", weights, ratings_csv.parent, "-o", tmp_path / "m")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "not a state dict of tensors: damaged" in refused(5, "convert", weights, folder, "-o", tmp_path / "m")
