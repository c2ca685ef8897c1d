"""Fits an autoencoder by gradient steps on batches of sparse rows."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from refeed.data.batches import epoch_batches
from refeed.data.ratings import Ratings
from refeed.errors import TrainingError
from refeed.models.autoencoder.autorec import AutoRec
from refeed.models.autoencoder.compiled.supervision import CompiledSupervision, use_loops
from refeed.models.autoencoder.prefetching import Prefetcher
from refeed.models.autoencoder.pretraining import Pretraining
from refeed.models.autoencoder.refeeding.batch_trainer import BatchTrainer
from refeed.models.autoencoder.spec import AutoEncoder, AutoEncoderModel
from refeed.models.autoencoder.steppers import build_stepper
from refeed.models.base import Fitter, StepReport
from refeed.models.common.building import with_offsets
from refeed.models.common.sparse_rows import SparseRows
from refeed.optim.optimizers import learning_rate_at
from refeed.optim.options import TrainingOptions
from refeed.runtime import Runtime
from refeed.seeds import derive_seed

AHEAD = 2  # batches that are prepared ahead; fewer where an epoch has so few that they would be most of the data


class GradientFitter(Fitter):
    """Takes gradient steps on batches; these and dropout are functions of (seed, epoch, step).

    Epoch 0 begins with the steps of pre-training. Its passes over the data have negative numbers, of which -1 is the last.
    Batches are numbered consecutively over all passes; the first one of epoch 0 is number 0.

    Args:
        model: with its initial weights, on its device; its offsets are already fitted.
        train: training ratings.
        options: how to train.
        seed: of the batches and of dropout.
        compiled: run the first and last layer in compiled loops, to which `obstacle_to_loops` has to see no obstacle.
    """

    model: AutoEncoderModel

    def __init__(
        self, model: AutoEncoderModel, train: Ratings, options: TrainingOptions, *, seed: int, compiled: bool = False
    ) -> None:
        self.model, self.options, self.seed = model, options, seed
        self.epochs, self.patience = options.epochs, options.patience
        self._source = model.training_source(train)
        self._stepper = build_stepper(model.network, options)
        loops = CompiledSupervision(model.network, self._stepper, options) if compiled else None
        self._train_batch = BatchTrainer(model.network, options, self._stepper, loops)
        self._pretraining = Pretraining(model.network, options) if options.pretrain_epochs else None
        self._pretrain_passes = 0 if self._pretraining is None else options.pretrain_epochs * self._pretraining.num_layers
        self._noise = torch.Generator(device=model.device)
        batches = epoch_batches(self._source.counts, options.batch_size, seed=seed, epoch=0)
        self._num_batches = len(batches)
        self._batches_of = (0, batches)  # a pass and its batches
        self._ahead: Prefetcher[SparseRows] | None = None

    @override
    def num_steps(self, epoch: int) -> int:
        """Number of batches of an epoch; epoch 0 begins with those of pre-training."""
        return self._num_batches * (1 + self._pretrain_passes if epoch == 0 else 1)

    @override
    def train_step(self, epoch: int, step: int) -> StepReport:
        if epoch == 0:
            passes, step = divmod(step, self._num_batches)
            if passes < self._pretrain_passes:
                return self._pretrain_step(passes, step)
        rate = learning_rate_at(self.options, epoch=epoch, step=step, steps_per_epoch=self._num_batches)
        self._stepper.set_learning_rate(rate)
        self._noise.manual_seed(derive_seed(self.seed, "dropout", epoch, step))
        rows = self._rows(epoch, step)
        refeed = epoch >= self.options.refeed_warm_up and step % self.options.refeed_every == 0
        loss, refeed_losses = self._train_batch(rows, self._noise, refeed=refeed)
        further = [self._train_batch(rows, self._noise, refeed=False)[0] for _ in range(self.options.steps_per_batch - 1)]
        self._require_finite([loss, *further], refeed_losses, rate, f"epoch {epoch + 1}, batch {step + 1:,}")
        if step == self._num_batches - 1:
            self._stepper.flush()  # the model is read between epochs
        refeed_loss = sum(refeed_losses) / len(refeed_losses) if refeed_losses else None
        return StepReport(loss * len(rows.columns), len(rows.columns), refeed_loss)

    @override
    def learning_rate(self, epoch: int) -> float:
        return learning_rate_at(self.options, epoch=epoch, step=0, steps_per_epoch=self._num_batches)

    @override
    def state(self) -> dict[str, Tensor]:
        """The optimisers' tensors."""
        return self._stepper.state() | ({} if self._pretraining is None else self._pretraining.state())

    @override
    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Resume the optimisers; one of another kind than the tensors' starts afresh."""
        self._stepper.load_state(tensors)
        if self._pretraining is not None:
            self._pretraining.load_state(tensors)

    @override
    def close(self) -> None:
        self._stop_ahead()
        self._stepper.close()

    def _pretrain_step(self, passes: int, step: int) -> StepReport:
        """Pre-train on one batch of a pass over the data; no error is reported, since these losses are not the network's."""
        assert self._pretraining is not None
        number = passes - self._pretrain_passes
        self._noise.manual_seed(derive_seed(self.seed, "dropout", number, step))
        layer = passes // self.options.pretrain_epochs
        self._pretraining.train_step(layer, self._rows(number, step), self._noise)
        return StepReport(0.0, 0)

    def _rows(self, epoch: int, step: int) -> SparseRows:
        """The rows of a batch; the following ones, even of the next epoch, are prepared meanwhile."""
        number = epoch * self._num_batches + step
        if self._ahead is None or self._ahead.is_over or self._ahead.next != number:
            self._stop_ahead()
            end, ahead = max(self.epochs, epoch + 1) * self._num_batches, min(AHEAD, self._num_batches - 1)
            self._ahead = Prefetcher(self._prepared, first=number, count=end, ahead=ahead)
        return self._ahead.take()

    def _prepared(self, number: int) -> SparseRows:
        """The rows of a batch, computed in the prefetcher's thread."""
        epoch, step = divmod(number, self._num_batches)
        if self._batches_of[0] != epoch:
            batches = epoch_batches(self._source.counts, self.options.batch_size, seed=self.seed, epoch=epoch)
            self._batches_of = (epoch, batches)
        rows = SparseRows.from_history(self._source.rows(self._batches_of[1][step]), self.model.device)
        prepare = self._stepper.prepare if epoch < 0 else self._train_batch.prepare  # below 0: pre-training
        prepare(rows)
        return rows

    def _stop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _require_finite(self, losses: list[float], refeed_losses: list[float], rate: float, where: str) -> None:
        refeeding_is_finite = all(map(math.isfinite, refeed_losses))
        if refeeding_is_finite and all(map(math.isfinite, losses)):
            return
        which = "supervised" if refeeding_is_finite or not math.isfinite(losses[0]) else "re-feeding"
        remedies = [f"lower learning_rate (now {rate:g})"]
        if self.options.gradient_clip is None:
            remedies.append("clip the gradient (gradient_clip=1)")
        if self.options.refeed_steps:
            remedies.append("train without re-feeding first (refeed_steps=0)")
        raise TrainingError(
            f"{where}: the {which} loss is not a finite number; the steps were too large for this network and rating scale\n"
            f"  {', or '.join(remedies)}."
        )


def build_autoencoder_fitter(spec: AutoEncoder, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of an autoencoder, with a new model."""
    return _network_fitter(with_offsets(spec, train, runtime), train, options, runtime)


def build_autorec_fitter(spec: AutoRec, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    """Build the fitter of AutoRec, with a new model."""
    model = with_offsets(spec, train, runtime)
    offset, mean = model.offsets.mean.item(), float(np.mean(train.values, dtype=np.float64))
    model.network.start_at(mean - offset, lowest=train.scale.minimum - offset, highest=train.scale.maximum - offset)
    return _network_fitter(model, train, options, runtime)


def _network_fitter(model: AutoEncoderModel, train: Ratings, options: TrainingOptions, runtime: Runtime) -> Fitter:
    network = model.network
    compiled = use_loops(runtime.loops, network.shape, options, num_columns=network.num_columns, device=runtime.device)
    return GradientFitter(model, train, options, seed=runtime.seed, compiled=compiled)
