"""`refeed presets`."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from command_line import done, refused
from refeed.cli.settings import resolve
from refeed.experiments.presets import PRESETS, TRAINING_OF_KIND
from refeed.models import AutoRec


def test_all_presets_are_listed_with_what_they_are():
    lines = done("presets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("other", PRESETS)
def test_printed_preset_is_a_config_file_that_brings_all_its_settings(name, other, tmp_path):
    text = done("presets", name).out
    (tmp_path / "run.toml").write_text(text)
    assert tomllib.loads(text)["training"]["epochs"] == PRESETS[name].training.epochs
    resolved = resolve(preset_name=other, config_file=tmp_path / "run.toml", settings=[])
    assert resolved == (PRESETS[name].model, PRESETS[name].training)


def test_unknown_preset_names_the_nearest():
    assert refused(4, "presets", "paper-fulll") == "preset: no 'paper-fulll'; did you mean 'paper-full'?\n"
    assert "the presets: default, paper-1-year" in refused(4, "presets", "xyz")


@pytest.mark.parametrize("name", PRESETS)
def test_model_of_another_kind_starts_from_its_own_training_whatever_the_preset(name):
    model, training = resolve(preset_name=name, config_file=None, settings=["learning_rate=0.5"], model_kind="autorec")
    assert (model, training) == (AutoRec(), replace(TRAINING_OF_KIND["autorec"], learning_rate=0.5))


def test_model_of_the_presets_kind_keeps_the_presets_training():
    assert resolve(preset_name="paper-full", config_file=None, settings=[], model_kind="autoencoder") == (
        PRESETS["paper-full"].model,
        PRESETS["paper-full"].training,
    )
