"""The tests of what changed, for `make check`: those that mirror the changed files, and a smoke set.

    python tools/changed_tests.py          # against the last commit, untracked files included
    python tools/changed_tests.py main     # against where this branch left main

Prints paths for pytest. A file of src/refeed has its tests under the same path in tests/ (`a/b.py`: `a/test_b.py`); one without
such a file has those of its folder, or of the nearest folder above that has any.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

PROJECT = Path(__file__).resolve().parents[1]
SOURCES = ("src/refeed", "benchmarks", "tools")  # mirrored by tests/, tests/benchmarks and tests/tools
SMOKE = (
    "tests/contracts/test_contract.py::TestBias",
    "tests/test_model_folders.py",
    "tests/test_config.py",
    "tests/readers/test_layouts.py",
    "tests/inference/test_recommend.py",
    "tests/cli/test_main.py",
)


def changed_files(project: Path, since: str | None = None) -> list[str]:
    """Paths, from the root of the project, that differ from a commit; those that git does not know yet too.

    Args:
        project: root of the checkout.
        since: a branch or commit; the comparison is with its merge base. Default: the last commit.
    """
    base = "HEAD" if since is None else _git(project, "merge-base", since, "HEAD")[0]
    changed = _git(project, "diff", "--name-only", base)
    return sorted({*changed, *_git(project, "ls-files", "--others", "--exclude-standard")})


def tests_of(path: str, project: Path) -> str | None:
    """The test file or folder, from the root of the project, that mirrors a changed file; None where there is none."""
    changed = PurePosixPath(path)
    if path.startswith("tests/"):
        is_test = changed.name.startswith("test_") and changed.suffix == ".py"
        place = changed if is_test else changed.parent
        return str(place) if place != PurePosixPath("tests") and (project / place).exists() else None
    for source in SOURCES:
        if changed.suffix == ".py" and changed.is_relative_to(source):
            room = PurePosixPath("tests") if source == "src/refeed" else PurePosixPath("tests", source)
            inner = changed.relative_to(source)
            candidates = [room / inner.parent / f"test_{inner.name}", *(room / parent for parent in inner.parents)]
            found = (place for place in candidates if (project / place).exists() and place != PurePosixPath("tests"))
            return next(map(str, found), None)
    return None


def selected(project: Path, since: str | None = None) -> list[str]:
    """The smoke set and the tests of what changed, none of them twice."""
    mirrored = {place for path in changed_files(project, since) if (place := tests_of(path, project)) is not None}
    inner = {place for place in mirrored if any(str(parent) in mirrored for parent in PurePosixPath(place).parents)}
    smoke = [place for place in SMOKE if not any(PurePosixPath(place.split("::")[0]).is_relative_to(kept) for kept in mirrored)]
    return [*smoke, *sorted(mirrored - inner)]


def _git(project: Path, *arguments: str) -> list[str]:
    run = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


if __name__ == "__main__":
    print(" ".join(selected(PROJECT, *sys.argv[1:2])))
