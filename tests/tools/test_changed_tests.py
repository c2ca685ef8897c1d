"""Which tests belong to a change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import changed_tests

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        ("src/refeed/models/als.py", "tests/models/test_als.py"),
        ("src/refeed/models/bayesian/priors.py", "tests/models/bayesian/test_priors.py"),
        ("src/refeed/models/bayesian/draws.py", "tests/models/bayesian"),
        ("src/refeed/config.py", "tests/test_config.py"),
        ("src/refeed/version.py", None),
        ("benchmarks/suite.py", "tests/benchmarks/test_suite.py"),
        ("tools/route.py", "tests/tools/test_route.py"),
        ("tests/models/test_als.py", "tests/models/test_als.py"),
        ("tests/cli/conftest.py", "tests/cli"),
        ("tests/conftest.py", None),
        ("README.md", None),
    ],
)
def test_changed_file_has_the_tests_that_mirror_it(changed, tests):
    assert changed_tests.tests_of(changed, PROJECT) == tests


def test_smoke_set_exists():
    assert [place for place in changed_tests.SMOKE if not (PROJECT / place.split("::")[0]).is_file()] == []


def test_changes_are_those_since_the_last_commit_or_since_a_branch(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def write(name):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")

    for name in ("src/refeed/models/als.py", "tests/models/test_als.py", "tests/models/test_bias.py"):
        write(name)
    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "branch")
    write("src/refeed/models/bias.py")
    git("add", ".")
    git("commit", "-m", "second")
    assert changed_tests.changed_files(tmp_path) == []
    write("src/refeed/models/pca.py")
    assert changed_tests.changed_files(tmp_path) == ["src/refeed/models/pca.py"]
    assert changed_tests.changed_files(tmp_path, "main") == ["src/refeed/models/bias.py", "src/refeed/models/pca.py"]
    chosen = changed_tests.selected(tmp_path, "main")
    assert chosen[-1] == "tests/models" and "tests/models/test_bias.py" not in chosen
