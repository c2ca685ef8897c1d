"""The table of kinds, and kinds that are registered by other packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from helpers.small_worlds import predictions_of, random_split
from refeed.errors import ConfigError
from refeed.fitted_model import load
from refeed.models import MODELS, Bias, Ensemble, register
from refeed.models.bias import build_bias_fitter
from refeed.models.registry import KINDS
from refeed.runtime import Runtime
from refeed.training.train import train


@dataclass(frozen=True)
class OwnBias(Bias):
    kind: ClassVar[str] = "own-bias"


@pytest.fixture
def registered():
    register(OwnBias, build_bias_fitter)
    yield OwnBias
    del KINDS[OwnBias.kind], MODELS[OwnBias.kind]


def test_kinds_are_known_by_the_names_of_their_descriptions():
    assert {name: kind.spec for name, kind in KINDS.items()} == {
        name: spec for name, spec in MODELS.items() if spec is not Ensemble
    }
    assert all(spec.kind == name for name, spec in MODELS.items())


def test_registered_model_is_trained_saved_and_loaded(registered, tmp_path):
    fitted = train(registered(sweeps=3), random_split(), runtime=Runtime(threads=1))
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.spec == registered(sweeps=3)
    assert np.array_equal(predictions_of(loaded), predictions_of(fitted))


def test_registered_model_can_be_a_member_of_an_ensemble(registered):
    (member,) = Ensemble(members=(f"{registered.kind} sweeps=2",)).members
    assert member.variants[0].spec == registered(sweeps=2)


def test_kind_of_another_model_is_refused(registered):
    register(registered, build_bias_fitter)  # once more is no harm

    @dataclass(frozen=True)
    class Other(Bias):
        kind: ClassVar[str] = "bias"

    with pytest.raises(ConfigError, match="'bias' is the name of another model, Bias"):
        register(Other, build_bias_fitter)
