"""What is said before a model is trained."""

from __future__ import annotations

from types import SimpleNamespace

from refeed.cli.describing import describe_patience
from refeed.models import Bias, Ensemble
from small_worlds import random_split


def test_ensemble_on_many_ratings_names_the_quick_way():
    many = SimpleNamespace(train=range(24_600_000))
    assert "here are 25 million; --preset autoencoder trains one network" in describe_patience(Ensemble(), many)
    assert describe_patience(Bias(), many) == ""
    assert describe_patience(Ensemble(), random_split()) == ""
