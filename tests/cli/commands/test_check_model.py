"""`refeed check` of a model folder."""

from __future__ import annotations

import json
import shutil

import pytest

from helpers.command_line import done, refused


def test_whole_model_folder_is_described(model, tmp_path):
    run = done("check", model, "--json", tmp_path / "facts.json")
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert (facts["users"], facts["items"], facts["ratings kept"], facts["titles"]) == (40, 30, 480, 30)
    assert facts["model"] == "user-side autoencoder 30 > 8 > dropout 0.7 > 30, selu"
    assert "every one is as it was written" in run.out
    assert json.loads(done("check", model, "--json", "-").out) == facts


@pytest.mark.parametrize("name", ["model.safetensors", "histories/values.npy"])
def test_damage_anywhere_is_named(model, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(model, copy)
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    assert f"{name} is damaged, its hash is not the one recorded" in refused(5, "check", copy)


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--label", "fold"), "--label: names a column"), (("--user", "u"), "--user: says how to read ratings")],
)
def test_options_of_ratings_do_not_go_with_a_model_folder(model, options, words):
    assert words in refused(4, "check", model, *options)
