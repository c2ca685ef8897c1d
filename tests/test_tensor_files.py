"""Named tensors on disk."""

from __future__ import annotations

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from refeed.tensor_files import read_tensors, write_tensors


def test_tensors_come_back_bit_for_bit_whatever_their_layout(tmp_path):
    tensors = {
        "transposed": torch.arange(6.0).reshape(2, 3).t(),
        "scalar": torch.tensor(7, dtype=torch.int64),
        "empty": torch.zeros(0),
        "trained": torch.nn.Parameter(torch.tensor([1.5])),
    }
    write_tensors(tensors, tmp_path / "t.safetensors")
    read = read_tensors(tmp_path / "t.safetensors")
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) and read[name].dtype == tensors[name].dtype for name in tensors)


def test_system_error_is_an_os_error_whoever_reports_it(tmp_path, monkeypatch):
    def full(tensors, path):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_tensors({}, tmp_path / "t.safetensors")


def test_absent_file_is_an_os_error_and_damage_a_value_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_tensors(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"\x00" * 30)
    with pytest.raises(ValueError, match="header"):
        read_tensors(tmp_path / "bad.safetensors")
