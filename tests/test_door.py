"""What a contributor looks for is there, is well-formed, and agrees with the project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from refeed.version import __version__

ROOT = Path(__file__).resolve().parent.parent
YAML = [*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def parsed(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_yaml_is_well_formed(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_workflow_runs_the_make_targets_on_every_python_and_system():
    jobs = parsed(".github/workflows/ci.yml")["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert matrix["system"] == ["ubuntu-latest", "macos-latest"]
    targets = re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    assert commands == {"make test", "make docs"} and {"test", "docs"} <= set(targets)
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"


@pytest.mark.parametrize("form", ["bug", "data", "idea"])
def test_issue_forms_ask_for_something_required(form):
    fields = parsed(f".github/ISSUE_TEMPLATE/{form}.yml")["body"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_hooks_are_those_of_make_lint():
    hooks = [hook for repository in parsed(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    entries = " ".join(hook.get("entry", "") for hook in hooks)
    assert [tool for tool in ("ruff check", "ruff format", "mypy", "lint-imports") if f".venv/bin/{tool}" not in entries] == []


def test_citation_has_the_version_and_the_licence():
    citation = parsed("CITATION.cff")
    assert (citation["version"], citation["license"]) == (__version__, PROJECT["license"])


def test_commands_of_the_contributing_page_are_targets():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"))
    named = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", page))
    assert len(named) >= 4 and named <= set(targets)


def test_changelog_has_the_keep_a_changelog_form():
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"(?m)^## \[([^\]]+)\]", page)
    assert versions[0] == "Unreleased" and __version__ in versions[1:]
    assert set(re.findall(r"(?m)^### (.*)$", page)) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
