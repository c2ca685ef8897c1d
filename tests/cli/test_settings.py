"""From a preset, a config file and settings to a model and its training options."""

from __future__ import annotations

from dataclasses import replace

import pytest

from helpers.command_line import refused
from refeed.cli.settings import resolve
from refeed.errors import ConfigError
from refeed.presets import PRESETS, start_of


def test_model_of_another_kind_starts_from_its_own_training():
    model, training = resolve(preset_name="default", config_file=None, settings=["learning_rate=0.5"], model_kind="autorec")
    start = start_of("autorec")
    assert (model, training) == (start.model, replace(start.training, learning_rate=0.5))


def test_preset_that_is_asked_for_must_be_of_the_models_kind():
    with pytest.raises(ConfigError, match="preset: 'paper-full' is of a model of kind 'autoencoder', but 'als' is requested"):
        resolve(preset_name="paper-full", config_file=None, settings=[], model_kind="als")


def test_model_of_the_presets_kind_keeps_the_presets_training():
    assert resolve(preset_name="paper-full", config_file=None, settings=[], model_kind="autoencoder") == (
        PRESETS["paper-full"].model,
        PRESETS["paper-full"].training,
    )


def test_key_of_another_kind_names_the_kinds_that_have_it():
    assert "encoder: no option of 'ensemble', but of --model autoencoder" in refused(
        4, "train", "ratings.csv", "-o", "x", "--set", "encoder=8"
    )


def test_kind_of_a_config_file_must_be_known_and_agree(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('[model]\nkind = "als"\nfactors = 3\n')
    model, _ = resolve(preset_name="default", config_file=path, settings=[])
    assert (model.kind, model.factors) == ("als", 3)
    with pytest.raises(ConfigError, match="describes a model of kind 'als', but 'pmf' is requested"):
        resolve(preset_name="default", config_file=path, settings=[], model_kind="pmf")
    path.write_text('[model]\nkind = "alz"\n')
    with pytest.raises(ConfigError, match=r"\[model\] kind: no 'alz'; did you mean 'als'"):
        resolve(preset_name="default", config_file=path, settings=[])
