"""Fits an autoencoder by gradient steps over batches of sparse rows."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from refeed.data.batches import derive_seed, epoch_batches
from refeed.data.ratings import Ratings
from refeed.errors import TrainingError
from refeed.models.autoencoder import AutoEncoderModel
from refeed.models.layers.sparse_rows import SparseRows
from refeed.training.fitter import StepReport
from refeed.training.optimizers import learning_rate_at
from refeed.training.options import TrainingOptions
from refeed.training.prefetching import Prefetcher
from refeed.training.refeeding import BatchTrainer
from refeed.training.steppers import build_stepper


class GradientFitter:
    """Batches and dropout are functions of (seed, epoch, step), so a resumed run equals an uninterrupted one.

    Args:
        model: with its initial weights, on its device; its offsets are already fitted.
        train: training ratings.
        options: how to train.
        seed: of the batches and of dropout.
    """

    def __init__(self, model: AutoEncoderModel, train: Ratings, options: TrainingOptions, *, seed: int) -> None:
        self.model, self.options, self.seed = model, options, seed
        self.epochs, self.patience = options.epochs, options.patience
        self._source = model.training_source(train)
        self._stepper = build_stepper(model.network, options)
        self._train_batch = BatchTrainer(model.network, options, self._stepper)
        self._noise = torch.Generator(device=model.device)
        self._batches_of = (-1, epoch_batches(self._source.counts, options.batch_size, seed=seed, epoch=0))
        self._ahead: tuple[int, Prefetcher[SparseRows]] | None = None  # an epoch and its batches to come

    def num_steps(self, epoch: int) -> int:
        """Number of batches of an epoch."""
        return len(self._batches(epoch))

    def train_step(self, epoch: int, step: int) -> StepReport:
        """Train on one batch; see `Fitter.train_step`."""
        rate = learning_rate_at(self.options, epoch=epoch, step=step, steps_per_epoch=self.num_steps(epoch))
        self._stepper.set_learning_rate(rate)
        self._noise.manual_seed(derive_seed(self.seed, "dropout", epoch, step))
        rows = self._rows(epoch, step)
        refeed = epoch >= self.options.refeed_warm_up and step % self.options.refeed_every == 0
        loss, refeed_losses = self._train_batch(rows, self._noise, refeed=refeed)
        self._require_finite(loss, refeed_losses, rate, f"epoch {epoch + 1}, batch {step + 1:,}")
        if step == self.num_steps(epoch) - 1:
            self._stepper.flush()  # the model is read between epochs
        refeed_loss = sum(refeed_losses) / len(refeed_losses) if refeed_losses else None
        return StepReport(loss * len(rows.columns), len(rows.columns), refeed_loss)

    def learning_rate(self, epoch: int) -> float:
        """The rate at the start of an epoch."""
        return learning_rate_at(self.options, epoch=epoch, step=0, steps_per_epoch=self.num_steps(epoch))

    def state(self) -> dict[str, Tensor]:
        """The optimiser's tensors."""
        return self._stepper.state()

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Take up the optimiser's tensors of an earlier run; without any of the same optimiser, this one starts anew."""
        self._stepper.load_state(tensors)

    def close(self) -> None:
        """See `Fitter.close`."""
        self._stop_ahead()
        self._stepper.close()

    def _rows(self, epoch: int, step: int) -> SparseRows:
        """The rows of a batch; the ones after it are made ready meanwhile."""
        if self._ahead is None or self._ahead[0] != epoch or self._ahead[1].next != step:
            self._stop_ahead()
            batches = self._batches(epoch)
            self._ahead = (epoch, Prefetcher(lambda number: self._prepared(batches[number]), first=step, count=len(batches)))
        return self._ahead[1].take()

    def _prepared(self, batch: npt.NDArray[np.int64]) -> SparseRows:
        rows = SparseRows.from_history(self._source.rows(batch), self.model.device)
        self._stepper.prepare(rows)
        return rows

    def _stop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead[1].close()
            self._ahead = None

    def _batches(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        if self._batches_of[0] != epoch:
            batches = epoch_batches(self._source.counts, self.options.batch_size, seed=self.seed, epoch=epoch)
            self._batches_of = (epoch, batches)
        return self._batches_of[1]

    def _require_finite(self, loss: float, refeed_losses: list[float], rate: float, where: str) -> None:
        if math.isfinite(loss) and all(math.isfinite(value) for value in refeed_losses):
            return
        which = "re-feeding" if math.isfinite(loss) else "supervised"
        cures = [f"lower learning_rate (now {rate:g})"]
        if self.options.gradient_clip is None:
            cures.append("clip the gradient (gradient_clip=1)")
        if self.options.refeed_steps:
            cures.append("train without re-feeding first (refeed_steps=0)")
        raise TrainingError(
            f"{where}: the {which} loss is not a finite number; the steps were too large for this network and rating scale\n"
            f"  {', or '.join(cures)}."
        )
