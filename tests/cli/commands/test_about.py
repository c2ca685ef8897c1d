"""`refeed models`, `refeed presets` and `refeed doctor`."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import tomllib

import pytest
import torch

from helpers.command_line import done, refused, squeezed
from refeed.cli.settings import resolve
from refeed.config import from_dict
from refeed.models import MODELS
from refeed.presets import PRESETS


def test_all_models_are_listed_with_what_they_are():
    lines = done("models").out.splitlines()
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == list(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_options_of_a_model_are_a_config_file_that_gives_its_defaults(name):
    text = done("models", name).out
    assert from_dict(MODELS[name], tomllib.loads(text[text.index("[model]") :])["model"], where="") == MODELS[name]()
    assert all(f"{field.name}:" in text for field in dataclasses.fields(MODELS[name]))


def test_unknown_model_names_the_nearest():
    assert refused(4, "models", "bais") == "model: no 'bais'; did you mean 'bias'?\n"


def test_all_presets_are_listed_with_what_they_are():
    lines = done("presets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("other", ["default", "same kind"])
def test_printed_preset_is_a_config_file_that_brings_all_its_settings(name, other, tmp_path):
    if other == "same kind":
        other = next(key for key, one in reversed(PRESETS.items()) if one.model.kind == PRESETS[name].model.kind)
    text = done("presets", name).out
    (tmp_path / "run.toml").write_text(text)
    sections = tomllib.loads(text)
    assert sections["model"]["kind"] == PRESETS[name].model.kind
    assert ("training" in sections) == PRESETS[name].model.uses_training_options
    resolved = resolve(preset_name=other, config_file=tmp_path / "run.toml", settings=[])
    assert resolved == (PRESETS[name].model, PRESETS[name].training)


def test_unknown_preset_names_the_nearest():
    assert refused(4, "presets", "paper-fulll") == "preset: no 'paper-fulll'; did you mean 'paper-full'?\n"
    assert "the presets: autoencoder, best, default, paper-1-year" in refused(4, "presets", "xyz")


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
