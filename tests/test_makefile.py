"""The Makefile: what its targets install, and that its help names them all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> str:
    """The output of make, with a virtual environment that is not there."""
    command = ["make", "--no-print-directory", "VENV=no-such-folder", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of an outer make
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True).stdout


def test_help_is_the_default_and_names_every_target():
    (targets,) = re.findall(r"(?m)^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text())
    assert set(re.findall(r"(?m)^make (\S+) +\S", make())) == {*targets.split()} - {"help"}


@pytest.mark.parametrize(("target", "extra"), [("demo", "report"), ("test", "dev"), ("docs", "dev")])
def test_fresh_clone_gets_what_a_target_needs_in_one_installation(target, extra):
    installed = re.findall(r"pip install .* -e '\.\[(\w+)\]'", make("--dry-run", target))
    assert installed == [extra]
