"""Presets are the paper's settings to the letter."""

from __future__ import annotations

import pytest

from refeed.config import from_dict, to_dict
from refeed.errors import ConfigError
from refeed.models import MODELS, AutoEncoder, Ensemble
from refeed.optim.options import TrainingOptions
from refeed.presets import PRESETS, preset, start_of


@pytest.mark.parametrize(
    ("name", "encoder", "dropout"),
    [
        ("paper-full", (512, 512, 1024), 0.8),
        ("paper-1-year", (256, 256, 512), 0.8),
        ("paper-6-months", (256, 256, 512), 0.8),
        ("paper-3-months", (128, 256, 256), 0.65),
    ],
)
def test_paper_presets_are_the_original_programs_settings(name, encoder, dropout):
    found = preset(name)
    assert found.model == AutoEncoder(
        encoder=encoder,
        tied=False,
        activation="selu",
        activation_on_last_layer=True,
        dropout=dropout,
        offsets="none",
        side="user",
    )
    assert found.training == TrainingOptions(
        epochs=100, batch_size=128, optimizer="sgd", learning_rate=0.005, momentum=0.9, weight_decay=0.0, schedule="multistep",
        milestones=(23, 35, 47, 65, 71), decay_factor=0.5, refeed_steps=1, refeed_label="output", refeed_noise=0.0,
    )  # fmt: skip
    assert "Kuchaiev & Ginsburg (2017)" in found.about


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_plain_values(name):
    found = preset(name)
    assert from_dict(type(found.model), to_dict(found.model), where="model") == found.model
    assert from_dict(TrainingOptions, to_dict(found.training), where="training") == found.training
    assert found.about


def test_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match=r"preset: no 'paper-6-month'; did you mean 'paper-6-months'\?"):
        preset("paper-6-month")


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_has_a_start_and_networks_have_an_l2_penalty(kind):
    start = start_of(kind)
    assert start.model.kind == kind
    assert not start.model.uses_training_options or start.training.weight_decay > 0


def test_default_blends_networks_of_both_sides_with_a_bayesian_factorisation():
    default = preset("default").model
    assert isinstance(default, Ensemble)
    kinds = [member.variants[0].spec.kind for member in default.members]
    assert kinds == ["autoencoder", "autoencoder", "autorec", "autorec", "svd++", "bayesian"]
