"""The training loop of every fitter: steps, validation, best epoch, early stopping, checkpoints, Ctrl-C."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from refeed.errors import BundleError, InterruptedTrainingError, TrainingError
from refeed.models.base import Fitter, StepReport
from refeed.progress import Callback, Started, Stopped, silent
from refeed.storage import require_replaceable_folder
from refeed.training.checkpoints import STATE_FILE, Checkpoint, read_checkpoint, write_checkpoint
from refeed.training.divergence import DivergenceCheck
from refeed.training.events import EpochFinished, EpochRecord, StepFinished
from refeed.training.interruption import stop_on_interrupt

CHECKPOINT_SHARE = 0.05  # at most this share of the time goes into checkpoints after epochs


@dataclass
class EpochSums:
    """Sums over the steps of the current epoch."""

    squared_error: float = 0.0
    ratings: int = 0
    refeed_loss: float = 0.0
    refeed_steps: int = 0
    seconds: float = 0.0

    def add(self, report: StepReport, seconds: float) -> None:
        """Add the report of a step that took so many seconds."""
        self.squared_error += report.squared_error
        self.ratings += report.ratings
        self.seconds += seconds
        if report.refeed_loss is not None:
            self.refeed_loss += report.refeed_loss
            self.refeed_steps += 1

    @property
    def rmse(self) -> float:
        """Training RMSE of the steps so far."""
        return math.sqrt(self.squared_error / max(1, self.ratings))

    @property
    def ratings_per_second(self) -> float:
        """Training ratings per second of the steps so far."""
        return self.ratings / max(self.seconds, 1e-9)


@dataclass
class RunState:
    """State of a run; `epoch` and `step`, from 0, come next."""

    epoch: int = 0
    step: int = 0
    sums: EpochSums = field(default_factory=EpochSums)
    log: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_rmse: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `best_rmse` is left out before the first epoch, since JSON has no infinity."""
        values = {**vars(self), "sums": vars(self.sums), "log": [record.to_dict() for record in self.log]}
        return {key: value for key, value in values.items() if value != math.inf}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunState:
        """Return the state of these values."""
        log = [EpochRecord(**record) for record in values["log"]]
        return cls(**{**values, "sums": EpochSums(**values["sums"]), "log": log})


class TrainingLoop:
    """Runs a fitter to its best epoch.

    Args:
        fitter: takes the steps; its model is trained in place.
        validate: RMSE of the model on the validation set; None without one (then the last epoch is the best).
        progress: called with each event.
        checkpoint_folder: where the state is kept; None keeps none.
        identity: model, data, split and seed; a checkpoint with another identity is refused.
        divergence_check: made at the end of the run; None accepts any run.
        options_may_change: whether a run may be resumed with other options, which is the remedy after a failure.
        epochs: number of epochs; default: that of the fitter.
        keep_end: keep the state at the end too, for a run that is part of a longer one.
    """

    def __init__(
        self,
        fitter: Fitter,
        *,
        validate: Callable[[], float] | None,
        progress: Callback = silent,
        checkpoint_folder: Path | None = None,
        identity: Mapping[str, Any] | None = None,
        divergence_check: DivergenceCheck | None = None,
        options_may_change: bool = True,
        epochs: int | None = None,
        keep_end: bool = False,
    ) -> None:
        self.fitter, self.validate = fitter, validate
        self.epochs, self.keep_end = fitter.epochs if epochs is None else min(epochs, fitter.epochs), keep_end
        self.progress = progress
        self.checkpoint_folder, self.identity = checkpoint_folder, dict(identity or {})
        self.divergence_check, self.options_may_change = divergence_check, options_may_change
        self.state, self._first_epoch = RunState(), 0
        self._best: dict[str, Tensor] = {}
        self._written_at, self._writing_took = time.monotonic(), 0.0

    def resume(self) -> None:
        """Resume the run whose state is in the checkpoint folder.

        Raises:
            BundleError: there is none, it is damaged, or it is of another run.
        """
        assert self.checkpoint_folder is not None
        checkpoint = read_checkpoint(self.checkpoint_folder)
        differing = sorted(key for key, value in self.identity.items() if checkpoint.identity.get(key) != value)
        if differing:
            raise BundleError(
                f"{self.checkpoint_folder}: the checkpoint is of another run (different: {', '.join(differing)})\n"
                "  Resume with the same data, split, model, batch size and seed, or delete the folder and start again."
            )
        try:
            self.state = RunState.from_dict(checkpoint.progress)
            self.fitter.model.load_state_dict(checkpoint.tensors["model"])
            self.fitter.load_state(dict(checkpoint.tensors.get("fitter", {})))
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(f"{self.checkpoint_folder}: damaged checkpoint ({error}); delete it and start again") from error
        self._best = dict(checkpoint.tensors.get("best", {}))

    def run(self) -> RunState:
        """Train to the end; the model then has the weights of the best epoch.

        Raises:
            TrainingError: the loss or the model is not finite any more; the best epoch is kept in the checkpoint folder. Or the
                run has ended and its divergence check says that it diverged; then nothing is kept.
            InterruptedTrainingError: Ctrl-C; the state is in the checkpoint folder.
            StorageError: the checkpoint folder cannot be written.
        """
        if self.checkpoint_folder is not None:
            require_replaceable_folder(self.checkpoint_folder, overwrite=True, marker=STATE_FILE)
        self._first_epoch = self.state.epoch
        self.progress(Started(task="training", total=self.epochs, completed=self._epochs_done))
        try:
            with stop_on_interrupt() as stop:
                while self.state.epoch < self.epochs and not self._out_of_patience:
                    self._run_epoch(lambda: stop.requested)
                if self.keep_end:
                    self._write_checkpoint()
        except InterruptedTrainingError:
            raise
        except TrainingError as error:
            raise TrainingError(f"{error}{self._keep_last_good()}") from error
        finally:
            self.progress(Stopped())
            if self._best:
                self.fitter.model.load_state_dict(self._best)
        self._require_convergence()
        return self.state

    def _require_convergence(self) -> None:
        try:
            if self.divergence_check is not None:
                self.divergence_check.measure(self.state.log)
        except TrainingError:
            if self.checkpoint_folder is not None:
                shutil.rmtree(self.checkpoint_folder, ignore_errors=True)  # there is no epoch to resume from
            raise

    def _run_epoch(self, stop_requested: Callable[[], bool]) -> None:
        state = self.state
        while state.step < self.fitter.num_steps(state.epoch):
            began = time.perf_counter()
            report = self.fitter.train_step(state.epoch, state.step)
            state.sums.add(report, time.perf_counter() - began)
            state.step += 1
            self.progress(self._step_finished())
            if stop_requested():
                self._interrupt()
        self._finish_epoch()
        if stop_requested() and state.epoch < self.epochs:
            self._interrupt()

    def _finish_epoch(self) -> None:
        state, sums, began = self.state, self.state.sums, time.perf_counter()
        valid_rmse = None if self.validate is None else self.validate()
        self._require_finite(valid_rmse)
        record = EpochRecord(
            epoch=state.epoch + 1,
            train_rmse=sums.rmse,
            refeed_loss=sums.refeed_loss / sums.refeed_steps if sums.refeed_steps else None,
            valid_rmse=valid_rmse,
            learning_rate=self.fitter.learning_rate(state.epoch),
            seconds=sums.seconds + time.perf_counter() - began,
            ratings_per_second=sums.ratings_per_second,
        )
        is_best = valid_rmse is None or valid_rmse < state.best_rmse
        if is_best:
            state.best_epoch, state.best_rmse = record.epoch, math.inf if valid_rmse is None else valid_rmse
            self._keep_best()
        state.log.append(record)
        state.epoch, state.step, state.sums = state.epoch + 1, 0, EpochSums()
        self.progress(self._epoch_finished(record, is_best=is_best))
        if time.monotonic() - self._written_at >= self._writing_took / CHECKPOINT_SHARE:
            self._write_checkpoint()

    @property
    def _epochs_done(self) -> float:
        steps = self.fitter.num_steps(self.state.epoch) if self.state.step else 1
        return self.state.epoch + self.state.step / steps

    def _step_finished(self) -> StepFinished:
        state, sums = self.state, self.state.sums
        return StepFinished(
            completed=self._epochs_done,
            status=self._status(state.epoch + 1, sums.rmse, sums.ratings_per_second),
            epoch=state.epoch,
            step=state.step,
            train_rmse=sums.rmse,
        )

    def _epoch_finished(self, record: EpochRecord, *, is_best: bool) -> EpochFinished:
        return EpochFinished(
            completed=record.epoch,
            status=self._status(record.epoch, record.train_rmse, record.ratings_per_second),
            is_notable=record.epoch in (self._first_epoch + 1, self.epochs),
            record=record,
            is_best=is_best,
        )

    def _status(self, epoch: int, train_rmse: float, ratings_per_second: float) -> str:
        valid = ""
        if self.validate is not None:
            last = self.state.log[-1].valid_rmse if self.state.log else None
            valid = "  valid - (best -)" if last is None else f"  valid {last:.4f} (best {self.state.best_rmse:.4f})"
        return f"epoch {epoch}/{self.epochs}  train {train_rmse:.4f}{valid}  {ratings_per_second:,.0f} ratings/s"

    def _require_finite(self, valid_rmse: float | None) -> None:
        """Check the last update of an epoch too: the loss of a step is from before its update."""
        is_finite = all(bool(torch.isfinite(tensor).all()) for tensor in self.fitter.model.state_dict().values())
        if not is_finite or (valid_rmse is not None and not math.isfinite(valid_rmse)):
            raise TrainingError(
                f"epoch {self.state.epoch + 1}: the model or its predictions are not finite numbers after the last batch; its "
                "steps were too large\n  Lower learning_rate."
            )

    def _keep_best(self) -> None:
        for name, tensor in self.fitter.model.state_dict().items():
            kept = self._best.get(name)
            if kept is None or kept.shape != tensor.shape:
                self._best[name] = tensor.detach().clone()
            else:
                kept.copy_(tensor)

    @property
    def _out_of_patience(self) -> bool:
        return (
            self.fitter.patience is not None
            and self.validate is not None
            and self.state.epoch - self.state.best_epoch >= self.fitter.patience
        )

    def _interrupt(self) -> None:
        where = f"stopped in epoch {self.state.epoch + 1} after {self.state.step:,} batches"
        if self.checkpoint_folder is None:
            raise InterruptedTrainingError(f"{where}; nothing was kept, since this run has no checkpoint folder")
        self._write_checkpoint()
        raise InterruptedTrainingError(f"{where}; the state is kept in {self.checkpoint_folder}, resume to continue from there")

    def _write_checkpoint(self) -> None:
        if self.checkpoint_folder is None:
            return
        began = time.monotonic()
        tensors = {"model": self.fitter.model.state_dict(), "fitter": self.fitter.state(), "best": self._best}
        write_checkpoint(Checkpoint(self.identity, self.state.to_dict(), tensors), self.checkpoint_folder)
        self._written_at, self._writing_took = time.monotonic(), time.monotonic() - began

    def _keep_last_good(self) -> str:
        """After a failure, keep the best epoch to resume from, with a new state of the optimiser; return a remark on that."""
        best = self.state.best_epoch
        if best == 0:
            return "\n  No epoch was finished, so there is no state to keep."
        if self.checkpoint_folder is None:
            return ""
        if not self.options_may_change:
            shutil.rmtree(self.checkpoint_folder, ignore_errors=True)
            return "\n  Nothing is kept to resume from, since these are options of the model itself; start again with others."
        progress = RunState(best, 0, EpochSums(), self.state.log[:best], best, self.state.best_rmse).to_dict()
        model = {name: tensor.clone() for name, tensor in self._best.items()}  # a file holds no tensor under two names
        write_checkpoint(Checkpoint(self.identity, progress, {"model": model, "best": self._best}), self.checkpoint_folder)
        return (
            f"\n  The last good state (epoch {best}) is kept in {self.checkpoint_folder}; resume from it with changed options."
        )
