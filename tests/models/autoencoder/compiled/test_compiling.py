"""Compiling of loops."""

from __future__ import annotations

import subprocess
import sys

import numba
import numba.typed.typeddict  # imported before `njit` is replaced: it uses the decorator itself
import pytest

from refeed.models.autoencoder.compiled.compiling import compiled


def test_loop_is_compiled_where_nothing_can_be_kept_on_disk(monkeypatch):
    njit, requested = numba.njit, []

    def without_disk(*, cache=False, **options):
        requested.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", without_disk)
    assert compiled()(lambda number: number + 1)(2) == 3
    assert requested == [True, False]


@pytest.mark.parametrize("divided", [1.0, -2.0])
def test_division_by_zero_gives_what_numpy_gives(divided):
    assert compiled()(lambda one, other: one / other)(divided, 0.0) == divided * float("inf")


def test_loops_leave_pytorch_its_threads():
    code = (
        "import torch; "
        "from refeed.models.autoencoder.compiled.compiling import use_threads; torch.set_num_threads(1); use_threads(1); "
        "print(torch.get_num_threads())"
    )  # in a process of its own: Numba's threads start once
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
