"""The network and the ratings that the figures of a training step are measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.workbench import Workbench
from refeed.data.store.store import HEADER, write_store
from refeed.data.synthetic.in_memory import synthetic_ratings
from refeed.models import AutoEncoder
from refeed.optim.options import PrecisionName, TrainingOptions

NUM_ITEMS = 17_768  # the paper's n for the whole set
NETWORK = AutoEncoder(encoder=(512, 512, 1024), activation="selu", dropout=0.8)
RATING_SEED, TRAINING_SEED = 1, 0


@dataclass(frozen=True)
class Shape:
    """How many synthetic ratings to train on; a user has 209 on average, as in the Netflix set.

    Attributes:
        users: rows; a multiple of every batch size, so that each batch is whole.
        ratings: entries.
        items: columns, n.
        network: of the autoencoder.
    """

    users: int = 20_480
    ratings: int = 4_280_000
    items: int = NUM_ITEMS
    network: AutoEncoder = NETWORK

    def store(self, bench: Workbench) -> Path:
        """The store of the ratings, made unless an earlier run has."""
        path = bench.folder / f"shape-{self.users}-{self.items}-{self.ratings}.store"
        if not (path / HEADER).is_file():
            write_store(synthetic_ratings(self.users, self.items, self.ratings, seed=RATING_SEED), path)
        return path


def sgd(*, batch_size: int, refeed_steps: int = 0, precision: PrecisionName = "float32") -> TrainingOptions:
    """The paper's optimiser; the rate is low, since what is timed should neither learn much nor diverge."""
    return TrainingOptions(
        epochs=1_000,  # more than are measured: a training prepares the next epoch's first batches too
        batch_size=batch_size,
        optimizer="sgd",
        learning_rate=1e-3,
        momentum=0.9,
        refeed_steps=refeed_steps,
        precision=precision,
    )
