"""`refeed doctor`."""

from __future__ import annotations

import importlib.metadata
import json

import torch

from helpers.command_line import done, squeezed


def test_versions_and_device_are_printed():
    out = squeezed(done("doctor").out)
    assert f"torch {torch.__version__}" in out
    assert "device cpu" in out


def test_json_has_the_same_and_is_all_that_is_there(tmp_path):
    facts = json.loads(done("doctor", "--json", "-").out)
    assert facts["numpy"] == importlib.metadata.version("numpy")
    run = done("doctor", "--json", tmp_path / "doctor.json")
    assert json.loads((tmp_path / "doctor.json").read_text()) == facts
    assert facts["torch"] in run.out


def test_missing_extra_is_named_as_such(monkeypatch):
    real = importlib.metadata.version

    def without_jinja2(name: str) -> str:
        if name == "jinja2":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", without_jinja2)
    assert json.loads(done("doctor", "--json", "-").out)["jinja2 (extra: report)"] == "not installed"


def test_data_folder_that_is_not_there_is_said(monkeypatch, tmp_path):
    for value, words in (
        ("", "not set (environment variable REFEED_DATA)"),
        (str(tmp_path), str(tmp_path)),
        (str(tmp_path / "absent"), f"{tmp_path / 'absent'} (REFEED_DATA; there is no such folder)"),
    ):
        monkeypatch.setenv("REFEED_DATA", value)
        assert json.loads(done("doctor", "--json", "-").out)["data_folder"] == words
