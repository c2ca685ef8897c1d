"""Presets are the paper's settings to the letter."""

from __future__ import annotations

import pytest

from refeed.config import from_dict, to_dict
from refeed.errors import ConfigError
from refeed.experiments.presets import PRESETS, TRAINING_OF_KIND, preset
from refeed.models import MODELS, AutoEncoder
from refeed.training.options import TrainingOptions


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
    assert from_dict(AutoEncoder, to_dict(found.model), where="model") == found.model
    assert from_dict(TrainingOptions, to_dict(found.training), where="training") == found.training
    assert found.about


def test_unknown_preset_names_the_nearest():
    with pytest.raises(ConfigError, match=r"preset: no 'paper-6-month'; did you mean 'paper-6-months'\?"):
        preset("paper-6-month")


def test_kinds_that_take_training_options_are_the_presets_or_have_training_of_their_own():
    trained = {kind for kind, one in MODELS.items() if one.uses_training_options}
    assert trained == {*TRAINING_OF_KIND, *(one.model.kind for one in PRESETS.values())}
