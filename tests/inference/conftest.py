"""Models of ratings with planted genres."""

from __future__ import annotations

import pytest

from helpers.planted import ratings_by_genre
from helpers.small_worlds import split_of
from refeed.models import ALS, AutoEncoder, Ease
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.training.train import train

SPECS = {
    "als": ALS(factors=3, regularisation=0.05),
    "ease": Ease(regularisation=5.0),
    "autoencoder": AutoEncoder(encoder=(8,), dropout=0.0, offsets="bias"),
}


@pytest.fixture(scope="package", params=SPECS)
def genre_model(request):
    """A model of `ratings_by_genre`."""
    options = TrainingOptions(epochs=100, learning_rate=0.02, batch_size=30, optimizer="adam")
    return train(SPECS[request.param], split_of(ratings_by_genre()), options, runtime=Runtime(threads=1, seed=1))
