"""`refeed models`."""

from __future__ import annotations

import dataclasses
import tomllib

import pytest

from helpers.command_line import done, refused
from refeed.config import from_dict
from refeed.models import MODELS


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
