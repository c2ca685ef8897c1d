"""`train`: a model description and a split in, a fitted model out."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from refeed.config import to_dict
from refeed.data.ratings import Ratings
from refeed.data.splits.base import Split
from refeed.data.splits.registry import split_to_dict
from refeed.errors import BundleError, ConfigError, StorageError
from refeed.fitted_model import FittedModel, Provenance
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models import Spec
from refeed.models.base import Fitter, RatingModel
from refeed.models.ensemble.members import Variant
from refeed.models.ensemble.model import EnsembleModel
from refeed.models.ensemble.rescaled import RescaledFitter
from refeed.models.ensemble.spec import Ensemble
from refeed.models.registry import build_fitter
from refeed.optim.options import TrainingOptions
from refeed.progress import Callback, Message, callback_of
from refeed.runtime import Runtime
from refeed.storage import PARTIAL
from refeed.training.divergence import DivergenceCheck
from refeed.training.ensemble import EnsembleTrainer, MemberRun, member_runtime
from refeed.training.intervals import learn_intervals
from refeed.training.loop import RunState, TrainingLoop

CHOSEN, REFITTED = "chosen", "refitted"
PARTS = (CHOSEN, REFITTED, "member-")  # how the names of folders begin that hold parts of a run


def train(
    spec: Spec,
    split: Split,
    options: TrainingOptions | None = None,
    *,
    runtime: Runtime | None = None,
    progress: bool | Callback = False,
    checkpoint_folder: str | Path | None = None,
    resume: bool = False,
    keep_histories: bool = True,
    refit: bool = False,
) -> FittedModel:
    """Fit a model to the training set of a split, and keep the epoch with the lowest RMSE on the validation set.

    Args:
        spec: the model, for example `AutoEncoder(encoder=(256, 256, 512), dropout=0.8)`.
        split: training, validation and test sets under one vocabulary; the test set is not read.
        options: training options of a network; default: `TrainingOptions()`. Other models take none: their descriptions hold
            everything that their fit depends on.
        runtime: device, threads and seed; default: those of this machine, and seed 0.
        progress: True displays it (a bar on a terminal, a line in a notebook, else lines on standard error); or a function that
            is called with each event of `training.events` and `refeed.progress`.
        checkpoint_folder: where the state of the run is kept, for `resume`; default: not kept.
        resume: resume the run in `checkpoint_folder`, bit for bit as if it had not been interrupted. The options may have
            changed, except batch_size and pretrain_epochs (another optimizer starts from its initial state).
        keep_histories: keep the training ratings in the fitted model as its users' histories.
        refit: once the epoch (of an ensemble: the variants, epochs and weights) is chosen on the validation set, refit to the
            training and validation sets together, which takes as long again. Prediction intervals and the log are of the first
            fit.

    Returns:
        the model with vocabularies, rating scale, histories, training log and (given a validation set) prediction intervals.

    Raises:
        ConfigError: `resume` without a checkpoint folder, or compiled loops are requested and not available.
        BundleError: the checkpoint is absent, damaged or of another run.
        TrainingError: the loss is no longer finite, or the run diverged otherwise (the message says what to change).
        InterruptedTrainingError: Ctrl-C or SIGTERM.
        StorageError: the checkpoint folder cannot be written, or holds something else.

    Examples:
        >>> import numpy as np
        >>> from refeed import AutoEncoder, RandomSplit, Ratings, TrainingOptions, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> spec = AutoEncoder(encoder=(8,), dropout=0.5, offsets="bias")
        >>> model = train(spec, RandomSplit().apply(ratings), TrainingOptions(epochs=2, weight_decay=0.003))
        >>> len(model.provenance.log)
        2
    """
    options, runtime = options or TrainingOptions(), runtime or Runtime.detect()
    folder = None if checkpoint_folder is None else Path(checkpoint_folder)
    _require_runnable(spec, runtime, folder, resume=resume)
    runtime.apply()
    if folder is not None and (refit or isinstance(spec, Ensemble)):
        _prepare(folder, resume=resume)
    job = _Job(options, runtime, callback_of(progress), folder, resume=resume, keep_end=refit)
    return job.fit(spec, split, refit=refit, keep_histories=keep_histories)


def _require_runnable(spec: Spec, runtime: Runtime, folder: Path | None, *, resume: bool) -> None:
    if resume and folder is None:
        raise ConfigError("resume: needs the checkpoint folder of the run to resume")
    if runtime.loops == "compiled" and not spec.uses_training_options:
        raise ConfigError(
            f"loops=compiled: for a single network trained by SGD, not for the model '{spec.kind}'; use loops=auto"
        )


def _prepare(folder: Path, *, resume: bool) -> None:
    """Empty a folder for the states of several runs or, to resume, check that it holds such states.

    Raises:
        BundleError: there is nothing to resume, or it is of another kind of run.
        StorageError: the folder holds something else than runs.
    """
    is_there = folder.is_dir()
    of_parts = is_there and all(path.name.startswith((*PARTS, PARTIAL)) for path in folder.iterdir())
    if resume and not is_there:
        raise BundleError(f"{folder}: there is no checkpoint to resume; start without resuming")
    if resume and not of_parts:
        raise BundleError(
            f"{folder}: the checkpoint is of another run, of one model that is not refitted; start without resuming"
        )
    if folder.exists() and not resume:
        if not of_parts:
            raise StorageError(f"{folder}: holds something else than an interrupted run; choose another path")
        shutil.rmtree(folder)


@dataclass(frozen=True, eq=False)
class _Chosen:
    """A model whose settings were chosen on the validation set.

    Attributes:
        spec: its description.
        model: fitted to the training set.
        state: of its run, with the log.
        best_epochs: of the model, or of an ensemble's members.
        numbers: positions of an ensemble's members in the given ensemble.
        note: a remark for the user.
    """

    spec: Spec
    model: RatingModel
    state: RunState
    best_epochs: tuple[int, ...]
    numbers: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Job:
    """How all models of one call of `train` are fitted; its arguments have the same names.

    Attributes:
        folder: `checkpoint_folder`.
        keep_end: keep the states of finished models, since others follow before the call is over.
    """

    options: TrainingOptions
    runtime: Runtime
    progress: Callback
    folder: Path | None
    _: KW_ONLY
    resume: bool
    keep_end: bool

    def fit(self, spec: Spec, split: Split, *, refit: bool, keep_histories: bool) -> FittedModel:
        chosen = self._choose(spec, split)
        intervals = learn_intervals(chosen.model, split)
        model, known = chosen.model, split
        if refit:
            known = split.refitting()
            model = self._refit(chosen, known)
        return FittedModel(
            spec=chosen.spec,
            model=model,
            users=split.train.users,
            items=split.train.items,
            scale=split.train.scale,
            histories=replace(known.train, labels={}, notes=()) if keep_histories else None,
            provenance=_provenance(chosen, split, self.options, self.runtime, refit=refit),
            intervals=intervals,
        )

    def _choose(self, spec: Spec, split: Split) -> _Chosen:
        """Fit to the training set, up to the best epoch on the validation set."""
        folder = self._part(CHOSEN) if self.keep_end else self.folder
        if isinstance(spec, Ensemble):
            return self._choose_ensemble(spec, split, folder)
        model, state = self._fit(spec, split, self.options, self.runtime, folder)
        return _Chosen(spec, model, state, (state.best_epoch,))

    def _refit(self, chosen: _Chosen, split: Split) -> RatingModel:
        """Fit with the chosen settings to the whole training set of another split."""
        if not isinstance(chosen.model, EnsembleModel):
            (epochs,) = chosen.best_epochs
            self._announce("refitting to train and validation")
            return self._fit(chosen.spec, split, self.options, self.runtime, self._part(REFITTED), epochs=epochs)[0]
        assert isinstance(chosen.spec, Ensemble)
        of_members = zip(chosen.spec.members, chosen.best_epochs, chosen.numbers, strict=True)
        for number, (member, epochs, original) in enumerate(of_members):
            (variant,) = member.variants
            own = member_runtime(self.runtime, original)
            part = self._part(f"{REFITTED}-{number + 1}")
            self._announce(f"refitting {number + 1} of {len(chosen.spec.members)}: {variant.text}")
            model, _ = self._fit(variant.spec, split, variant.training, own, part, epochs=epochs, rescaled=True)
            chosen.model.members[number] = model
        chosen.model.learn_features(split.train)
        return chosen.model

    def _announce(self, text: str) -> None:
        self.progress(Message(text=text))

    def _part(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / name

    def _fit(
        self,
        spec: Spec,
        split: Split,
        options: TrainingOptions,
        runtime: Runtime,
        folder: Path | None,
        *,
        epochs: int | None = None,
        rescaled: bool = False,
    ) -> tuple[RatingModel, RunState]:
        """Fit to the best epoch on the validation set, or for a number of `epochs` without validation."""

        def build(train: Ratings) -> Fitter:
            return build_fitter(spec, train, options, runtime)

        fitter = RescaledFitter(build, split.train) if rescaled else build(split.train)
        loop = TrainingLoop(
            fitter,
            validate=validation_rmse(fitter.model, split) if epochs is None else None,
            progress=self.progress,
            checkpoint_folder=folder,
            identity=_identity(spec, split, options, runtime, rescaled=rescaled),
            divergence_check=DivergenceCheck.of(split) if epochs is None else None,
            options_may_change=spec.uses_training_options,
            epochs=epochs,
            keep_end=self.keep_end,
        )
        try:
            if self.resume and folder is not None and (folder.exists() or folder == self.folder):
                loop.resume()
            state = loop.run()
        finally:
            fitter.close()
        return fitter.model, state

    def _choose_ensemble(self, spec: Ensemble, split: Split, folder: Path | None) -> _Chosen:
        def train_member(variant: Variant, runtime: Runtime, under_way: Path | None) -> MemberRun:
            return self._fit(variant.spec, split, variant.training, runtime, under_way, rescaled=True)

        identity = _identity(spec, split, TrainingOptions(), self.runtime, rescaled=True)
        fitted = EnsembleTrainer(
            spec,
            split,
            self.runtime,
            train_member=train_member,
            folder=folder,
            identity=identity,
            announce=self._announce,
        ).fit()
        note = "; ".join(fitted.left_out)
        return _Chosen(fitted.spec, fitted.model, fitted.state, fitted.best_epochs, fitted.numbers, note)


def validation_rmse(model: RatingModel, split: Split) -> Callable[[], float]:
    """Return a function that measures the model's RMSE on the validation set, predictions clipped to the scale.

    It returns NaN where a prediction is not finite, since clipping would hide that.
    """
    truth, histories = np.asarray(split.valid.values, np.float64), Histories.of_training(split.train)

    def measure() -> float:
        predictions = predict_ratings(model.scorer(), histories, split.valid)
        if not np.isfinite(predictions).all():
            return math.nan
        return math.sqrt(np.square(split.valid.scale.clip(predictions) - truth).mean())

    return measure


def _identity(spec: Spec, split: Split, options: TrainingOptions, runtime: Runtime, *, rescaled: bool) -> dict[str, Any]:
    """What a checkpoint must agree with to be resumed."""
    unit = {"unit of the ratings": "their spread"} if rescaled else {}
    return {
        **unit,
        "model": {"kind": spec.kind, **to_dict(spec)},
        "split": split.fingerprint,
        "seed": runtime.seed,
        "batch_size": options.batch_size,  # a checkpoint may lie between two batches
        "pretrain_epochs": options.pretrain_epochs,  # or within pre-training
    }


def _provenance(chosen: _Chosen, split: Split, options: TrainingOptions, runtime: Runtime, *, refit: bool) -> Provenance:
    return Provenance(
        data_fingerprint=split.source_fingerprint,
        split_fingerprint=split.fingerprint,
        split=split_to_dict(split.splitter),
        options=to_dict(options) if chosen.spec.uses_training_options else {},
        seed=runtime.seed,
        best_epoch=chosen.state.best_epoch,
        log=tuple(record.to_dict() for record in chosen.state.log),
        refit=refit,
        note=chosen.note,
    )
