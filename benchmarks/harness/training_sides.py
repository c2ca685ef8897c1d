"""One training step on either side: refeed's own fitter, and the dense reference on the same batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from data.netflix_shaped import TRAINING_SEED
from harness.dense import DenseAutoEncoder, DenseTrainer, code_masks
from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.exchange.original_weights import as_original_weights
from refeed.models import AutoEncoder
from refeed.models.autoencoder.compiled.supervision import use_loops
from refeed.models.autoencoder.fitter import GradientFitter
from refeed.models.autoencoder.spec import AutoEncoderModel
from refeed.optim.options import TrainingOptions
from refeed.runtime import LoopsName


class RefeedSide:
    """refeed's training as `refeed train` does it, from the ratings to the updated weights.

    Args:
        spec: the model.
        ratings: to train on.
        options: batch size, optimiser and re-feeding.
        loops: see `Runtime.loops`.
    """

    def __init__(self, spec: AutoEncoder, ratings: Ratings, options: TrainingOptions, *, loops: LoopsName = "auto") -> None:
        self.model: AutoEncoderModel = spec.build(ratings.num_users, ratings.num_items, seed=TRAINING_SEED)
        compiled = use_loops(loops, spec.shape, options, num_columns=self.model.network.num_columns, device="cpu")
        self._fitter = GradientFitter(self.model, ratings, options, seed=TRAINING_SEED, compiled=compiled)

    def step(self, number: int) -> None:
        """Train on batch `number`, counted through the epochs."""
        self._fitter.train_step(*divmod(number, self._fitter.num_steps(0)))

    def close(self) -> None:
        """End the training's threads."""
        self._fitter.close()


class DenseSide:
    """The dense reference on the same batches; making the dense batch from the sparse ratings is part of its step.

    Args:
        spec: the model; its dropout on the code layer is drawn again for each pass.
        ratings: to train on.
        options: batch size, learning rate, momentum, re-feeding and precision; the optimiser is SGD.
    """

    def __init__(self, spec: AutoEncoder, ratings: Ratings, options: TrainingOptions) -> None:
        network = spec.build(ratings.num_users, ratings.num_items, seed=TRAINING_SEED).network
        model = DenseAutoEncoder(
            as_original_weights(network),
            activation=spec.activation,
            activation_on_last_layer=spec.activation_on_last_layer,
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=options.learning_rate, momentum=options.momentum)
        self._trainer = DenseTrainer(
            model,
            optimizer,
            refeed_steps=options.refeed_steps,
            refeed_label=options.refeed_label,
            in_bfloat16=options.precision == "bfloat16",
        )
        self._spec, self._ratings, self._passes = spec, ratings, 1 + options.refeed_steps
        self._batches = epoch_batches(ratings.user_counts, options.batch_size, seed=TRAINING_SEED, epoch=0)

    def step(self, number: int) -> None:
        """Train on batch `number`, counted through the epochs (which all have the same order here)."""
        ratings, rated = dense_batch(self._ratings, self._batches[number % len(self._batches)])
        self._trainer.step(ratings, rated, code_masks(len(ratings), self._spec.encoder[-1], self._spec.dropout, self._passes))

    def close(self) -> None:
        """Nothing is left to end."""


def dense_batch(ratings: Ratings, users: np.ndarray) -> tuple[Tensor, Tensor]:
    """The ratings of some users as a dense (B, n) matrix with 0 where there is none, and the mask of those that are there."""
    history = ratings.rows(users)
    rows, columns = torch.from_numpy(history.row_of_rating), torch.from_numpy(history.indices)
    dense, rated = torch.zeros(len(history), history.num_items), torch.zeros(len(history), history.num_items, dtype=torch.bool)
    dense[rows, columns] = torch.from_numpy(history.values)
    rated[rows, columns] = True
    return dense, rated
