"""Where a job computes."""

from __future__ import annotations

import pytest
import torch

from refeed.errors import ConfigError
from refeed.runtime import Runtime, available_cpus


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads: expected at least 1, got 0"),
        ({"seed": -1}, r"seed: expected 0 to 2\*\*63 - 1, got -1"),
        ({"seed": 2**63}, "seed: expected 0 to"),
        ({"loops": "fast"}, "loops: 'fast' is not a choice; choices: auto, compiled, pytorch"),
    ],
)
def test_value_out_of_its_range_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Runtime(**options)


def test_this_machine_has_its_cpus_and_an_accelerator_only_where_there_is_one():
    found = Runtime.detect(seed=4)
    assert (found.threads, found.seed) == (available_cpus(), 4)
    assert found.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert available_cpus() >= 1


def test_no_threads_are_not_all_threads():
    with pytest.raises(ConfigError, match="threads: expected at least 1, got 0"):
        Runtime.detect(threads=0)
    assert Runtime.detect(threads=1).threads == 1


def test_device_is_taken_as_pytorch_names_it():
    assert Runtime.detect(device="cpu").device == "cpu"
    with pytest.raises(ConfigError, match=r"device: 'quantum' cannot be used on this machine .*quantum"):
        Runtime.detect(device="quantum")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_absent_gpu_is_refused():
    with pytest.raises(ConfigError, match="device: 'cuda' cannot be used on this machine"):
        Runtime.detect(device="cuda")


def test_threads_are_given_to_pytorch():
    before = torch.get_num_threads()
    try:
        Runtime(threads=before + 1).apply()
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_cpus_are_counted_where_the_system_has_no_affinity(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert available_cpus() == 1
