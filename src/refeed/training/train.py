"""`train`: a model description and a split in, a fitted model out."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from refeed.bundles import FittedModel, Provenance
from refeed.config import to_dict
from refeed.data.splits import Split, split_to_dict
from refeed.errors import BundleError, ConfigError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import Spec
from refeed.models.base import RatingModel
from refeed.models.ensemble import Ensemble, Member
from refeed.runtime import Runtime
from refeed.training.blending import EnsembleTrainer, MemberRun, require_ensemble_folder
from refeed.training.divergence import Yardstick
from refeed.training.fitters import build_fitter
from refeed.training.loop import RunState, TrainingLoop
from refeed.training.options import TrainingOptions
from refeed.training.progress import ConsoleWatcher, SilentWatcher, TrainingWatcher


def train(
    spec: Spec,
    split: Split,
    options: TrainingOptions | None = None,
    *,
    runtime: Runtime | None = None,
    progress: bool | TrainingWatcher = False,
    checkpoint_folder: str | Path | None = None,
    resume: bool = False,
    keep_histories: bool = True,
) -> FittedModel:
    """Fit a model to the training part of a split and keep its best epoch on the validation part.

    Args:
        spec: the model, for example `AutoEncoder(encoder=(256, 256, 512), dropout=0.8)`.
        split: train, valid and test ratings under one vocabulary; the test part is not looked at.
        options: how to train a network; the defaults of `TrainingOptions` when left out. The other models' descriptions hold
            all that their fitting depends on.
        runtime: device, threads and the one seed; this machine and seed 0 when left out.
        progress: True shows a bar or lines on standard error; or a watcher of your own.
        checkpoint_folder: where the state of the run is kept, to be taken up again with `resume`.
        resume: take up the run in `checkpoint_folder`; the options may have changed, all but batch_size and
            pretrain_epochs (another optimizer starts anew).
        keep_histories: keep the training ratings in the fitted model, so that it knows its users' histories.

    Raises:
        ConfigError: `resume` without a checkpoint folder.
        BundleError: the checkpoint is absent, damaged or of another run.
        TrainingError: the loss is not finite any more, or the run diverged otherwise (the message says what to change).
        InterruptedTrainingError: Ctrl-C.
        StorageError: the checkpoint folder cannot be written, or holds something else.
    """
    if resume and checkpoint_folder is None:
        raise ConfigError("resume: needs the checkpoint folder of the run to take up")
    options, runtime = options or TrainingOptions(), runtime or Runtime.detect()
    runtime.apply()
    folder, watcher = None if checkpoint_folder is None else Path(checkpoint_folder), _watcher(progress)
    if isinstance(spec, Ensemble):
        model, state = _fit_ensemble(spec, split, runtime, watcher=watcher, folder=folder, resume=resume)
    else:
        model, state = _fit(spec, split, options, runtime, watcher=watcher, folder=folder, resume=resume)
    return FittedModel(
        spec=spec,
        model=model,
        users=split.train.users,
        items=split.train.items,
        scale=split.train.scale,
        histories=replace(split.train, labels={}, notes=()) if keep_histories else None,
        provenance=_provenance(spec, split, options, runtime, state),
    )


def _fit(
    spec: Spec,
    split: Split,
    options: TrainingOptions,
    runtime: Runtime,
    *,
    watcher: TrainingWatcher,
    folder: Path | None,
    resume: bool,
) -> tuple[RatingModel, RunState]:
    fitter = build_fitter(spec, split.train, options, runtime)
    loop = TrainingLoop(
        fitter,
        validate=validation_rmse(fitter.model, split),
        watcher=watcher,
        checkpoint_folder=folder,
        identity=_identity(spec, split, options, runtime),
        yardstick=Yardstick.of(split),
        options_may_change=spec.uses_training_options,
    )
    try:
        if resume:
            loop.resume()
        state = loop.run()
    finally:
        fitter.close()
    return fitter.model, state


def _fit_ensemble(
    spec: Ensemble, split: Split, runtime: Runtime, *, watcher: TrainingWatcher, folder: Path | None, resume: bool
) -> tuple[RatingModel, RunState]:
    if resume and folder is not None and not folder.is_dir():
        raise BundleError(f"{folder}: there is no checkpoint to take up; start without resuming")
    if not resume and folder is not None and folder.exists():
        shutil.rmtree(require_ensemble_folder(folder))

    def train_member(member: Member, options: TrainingOptions, own: Runtime, under_way: Path | None) -> MemberRun:
        taken_up = under_way is not None and resume and under_way.exists()
        return _fit(member.spec, split, options, own, watcher=watcher, folder=under_way, resume=taken_up)

    identity = _identity(spec, split, TrainingOptions(), runtime)
    return EnsembleTrainer(spec, split, runtime, train_member=train_member, folder=folder, identity=identity).fit()


def validation_rmse(model: RatingModel, split: Split) -> Callable[[], float]:
    """A function that gives the model's RMSE on the validation part, predictions clipped to the scale.

    It gives NaN where a prediction is not finite, since clipping would hide that.
    """
    truth, histories = np.asarray(split.valid.values, np.float64), Histories.of_training(split.train)

    def measure() -> float:
        predictions = predict_ratings(model, histories, split.valid)
        if not np.isfinite(predictions).all():
            return math.nan
        return math.sqrt(np.square(split.valid.scale.clip(predictions) - truth).mean())

    return measure


def _identity(spec: Spec, split: Split, options: TrainingOptions, runtime: Runtime) -> dict[str, Any]:
    """What a checkpoint must agree with to be taken up."""
    return {
        "model": {"kind": spec.kind, **to_dict(spec)},
        "split": split.fingerprint,
        "seed": runtime.seed,
        "batch_size": options.batch_size,  # a checkpoint may lie between two batches
        "pretrain_epochs": options.pretrain_epochs,  # or within pre-training
    }


def _provenance(spec: Spec, split: Split, options: TrainingOptions, runtime: Runtime, state: RunState) -> Provenance:
    return Provenance(
        data_fingerprint=split.source_fingerprint,
        split_fingerprint=split.fingerprint,
        split=split_to_dict(split.splitter),
        options=to_dict(options) if spec.uses_training_options else {},
        seed=runtime.seed,
        best_epoch=state.best_epoch,
        log=tuple(record.to_dict() for record in state.log),
    )


def _watcher(progress: bool | TrainingWatcher) -> TrainingWatcher:
    if isinstance(progress, bool):
        return ConsoleWatcher(Console(stderr=True)) if progress else SilentWatcher()
    return progress
