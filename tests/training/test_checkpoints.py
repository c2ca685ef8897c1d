"""Checkpoints on disk: whole, without pickle, and refused when damaged."""

from __future__ import annotations

import errno
import json
import os

import pytest
import safetensors.torch
import torch

from refeed.errors import BundleError, StorageError
from refeed.training.checkpoints import STATE_FILE, TENSOR_FILE, Checkpoint, read_checkpoint, write_checkpoint

CHECKPOINT = Checkpoint(
    identity={"seed": 1, "model": {"encoder": [4]}},
    progress={"epoch": 3, "best_rmse": 0.1 + 0.2},
    tensors={"model": {"a.b/c": torch.tensor([1.5, -0.0])}, "fitter": {"adam/0.step": torch.tensor(7.0)}},
)


def test_checkpoint_comes_back_bit_for_bit(tmp_path):
    write_checkpoint(CHECKPOINT, tmp_path / "run")
    read = read_checkpoint(tmp_path / "run")
    assert (read.identity, read.progress) == (CHECKPOINT.identity, CHECKPOINT.progress)
    assert read.tensors.keys() == CHECKPOINT.tensors.keys()
    assert torch.equal(read.tensors["model"]["a.b/c"], torch.tensor([1.5, -0.0]))
    assert read.tensors["fitter"]["adam/0.step"].shape == ()


def test_only_json_and_safetensors_are_written(tmp_path):
    write_checkpoint(CHECKPOINT, tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [STATE_FILE, TENSOR_FILE]
    assert json.loads((tmp_path / "run" / STATE_FILE).read_text())["format"] == "refeed-checkpoint"


def test_absent_checkpoint_is_named(tmp_path):
    with pytest.raises(BundleError, match="there is no checkpoint to resume; start without resuming"):
        read_checkpoint(tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (STATE_FILE, b'{"format": ', "damaged checkpoint"),
        (STATE_FILE, b"\xff\xfe", "damaged checkpoint"),
        (STATE_FILE, b"[1, 2]", "damaged checkpoint"),
        (STATE_FILE, b'{"format": "refeed-checkpoint", "version": 1}', "damaged checkpoint .'identity'"),
        (STATE_FILE, b'{"format": "other", "version": 1}', "not a checkpoint of version 1"),
        (STATE_FILE, b'{"format": "refeed-checkpoint", "version": 2}', "not a checkpoint of version 1"),
        (TENSOR_FILE, b"\x00" * 40, "damaged checkpoint"),
    ],
)
def test_damage_is_refused_with_the_reason(tmp_path, name, content, message):
    write_checkpoint(CHECKPOINT, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{message}.*start again"):
        read_checkpoint(tmp_path / "run")


def test_truncated_tensors_are_refused(tmp_path):
    write_checkpoint(CHECKPOINT, tmp_path / "run")
    whole = (tmp_path / "run" / TENSOR_FILE).read_bytes()
    (tmp_path / "run" / TENSOR_FILE).write_bytes(whole[:-3])
    with pytest.raises(BundleError, match="damaged checkpoint"):
        read_checkpoint(tmp_path / "run")


def test_full_disk_keeps_the_older_checkpoint(tmp_path, monkeypatch):
    write_checkpoint(CHECKPOINT, tmp_path / "run")

    def full(tensors, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(StorageError, match=r"run: cannot be written \(No space left on device\)"):
        write_checkpoint(Checkpoint({}, {"epoch": 4}, {}), tmp_path / "run")
    assert read_checkpoint(tmp_path / "run").progress["epoch"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
