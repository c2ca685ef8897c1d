"""Large arrays are zero, writable and of the right shape, wherever they lie."""

from __future__ import annotations

import sys

import pytest
import torch

from refeed import large_memory


@pytest.mark.parametrize("rows", [3, 1 << 15])  # an ordinary one, and one of 32 MB
def test_zeros_are_zero_and_writable(rows):
    array = large_memory.zeros(rows, 256, dtype=torch.float32, device=torch.device("cpu"))
    assert array.shape == (rows, 256)
    assert array.dtype == torch.float32
    assert not array.any()
    array += 1
    assert array.sum().item() == rows * 256


def test_where_the_system_has_no_large_pages_the_array_is_an_ordinary_one(monkeypatch):
    monkeypatch.delattr("mmap.MADV_HUGEPAGE", raising=False)
    assert not large_memory.zeros(1 << 22, dtype=torch.float64, device=torch.device("cpu")).any()


def test_other_allocators_than_glibc_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not large_memory.keep_freed_memory()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc only")
def test_freed_memory_is_kept_on_linux():
    assert large_memory.keep_freed_memory()
