"""Fitting an ensemble: its members in turn, the best variant of each, then their weights on the validation set."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from refeed.data.row_blocks import row_blocks
from refeed.data.splits.base import Split
from refeed.errors import BundleError, InterruptedTrainingError, SplitError, TrainingError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models.base import RatingModel
from refeed.models.ensemble.features import NAMES, OF_WEIGHTS, MetaFeatures
from refeed.models.ensemble.members import Member, Variant
from refeed.models.ensemble.model import EnsembleModel
from refeed.models.ensemble.rescaled import Rescaled
from refeed.models.ensemble.spec import Ensemble
from refeed.models.ensemble.stacking import Features, Stacking
from refeed.runtime import Runtime
from refeed.seeds import derive_seed
from refeed.storage import atomic_folder
from refeed.tensor_files import read_tensors, write_tensors
from refeed.training.events import EpochRecord
from refeed.training.interruption import stop_on_interrupt
from refeed.training.loop import RunState

MEMBER_FILE, RECORD_FILE = "member.safetensors", "member.json"

MemberRun = tuple[RatingModel, RunState]


class TrainMember(Protocol):
    """Trains one member."""

    def __call__(self, variant: Variant, runtime: Runtime, folder: Path | None, /) -> MemberRun:
        """The model, `Rescaled`, at its best epoch, and where its run ended.

        Args:
            variant: what is trained, and how.
            runtime: with the member's own seed.
            folder: where the state of the run is kept and resumed from; None keeps nothing.
        """
        ...


@dataclass(frozen=True, eq=False)
class FittedMember:
    """A variant of a member after training.

    Attributes:
        variant: its description.
        model: at its best epoch.
        train_rmse: of that epoch.
        best_epoch: from 1.
        predictions: of the validation ratings, not clipped, float32.
        valid_rmse: of these, clipped.
        number: position of the member in the given ensemble, from 0.
    """

    variant: Variant
    model: RatingModel
    train_rmse: float
    best_epoch: int
    predictions: npt.NDArray[np.float32]
    valid_rmse: float
    number: int


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """The result of `EnsembleTrainer.fit`.

    Attributes:
        spec: the ensemble with the variants that were kept.
        model: fitted.
        state: a log in which an "epoch" is a member: the validation error of all members up to it with constant weights; and a
            last entry with varying weights, where these are kept.
        best_epochs: of each member.
        numbers: of each member, its position in the given ensemble.
        left_out: why members were left out: all of their variants diverged.
    """

    spec: Ensemble
    model: EnsembleModel
    state: RunState
    best_epochs: tuple[int, ...]
    numbers: tuple[int, ...]
    left_out: tuple[str, ...]


class EnsembleTrainer:
    """Fits members in turn and keeps finished ones on disk, so that an interrupted run resumes with the member it was in.

    Args:
        spec: the ensemble.
        split: train and valid ratings.
        runtime: whose seed the members' seeds are derived from.
        train_member: how a member is trained.
        folder: where finished members and the state of the current one are kept; None keeps nothing.
        identity: of the run; finished members of another run are refused.
        announce: called with a line about each step.

    Raises:
        SplitError: the validation set is empty.
    """

    def __init__(
        self,
        spec: Ensemble,
        split: Split,
        runtime: Runtime,
        *,
        train_member: TrainMember,
        folder: Path | None,
        identity: Mapping[str, Any],
        announce: Callable[[str], None],
    ) -> None:
        if not len(split.valid):
            raise SplitError("an ensemble learns its weights on the validation set, but that is empty", fix="Give it a share.")
        self._spec, self._split, self._runtime = spec, split, runtime
        self._train_member, self._folder, self._identity = train_member, folder, dict(identity)
        self._announce = announce
        self._histories = Histories.of_training(split.train)
        varying = [NAMES.index(name) for name in OF_WEIGHTS]
        self._stacking = Stacking(split.valid, prior_ratings=spec.prior_ratings, varying=varying)

    def fit(self) -> FittedEnsemble:
        """The ensemble of the best variant of each member.

        Raises:
            TrainingError: all variants of all members diverge.
            InterruptedTrainingError: Ctrl-C.
        """
        members: list[FittedMember] = []
        left_out: list[str] = []
        state = RunState()
        with stop_on_interrupt() as stop:
            for number, described in enumerate(self._spec.members):
                began = time.monotonic()
                member, reason = self._best_variant(number, described, lambda: stop.requested)
                if member is None:
                    left_out.append(f"'{described}' was left out, since {reason}")
                    continue
                members.append(member)
                predictions = np.stack([member.predictions for member in members], 1)
                valid_rmse = self._stacking.rmse(self._stacking.cross_fitted(predictions))
                seconds = time.monotonic() - began
                speed = len(self._split.train) / max(seconds, 1e-9)
                state.log.append(EpochRecord(len(members), members[-1].train_rmse, None, valid_rmse, None, seconds, speed))
        if not members:
            raise TrainingError("no member of the ensemble could be trained: " + "; ".join(left_out))
        spec = replace(self._spec, members=tuple(Member(member.variant.text) for member in members))
        model = EnsembleModel([member.model for member in members], self._split.train.num_users, self._split.train.num_items)
        began = time.monotonic()
        valid_rmse = self._fit_weights(model.to(self._runtime.device), predictions, constant_rmse=valid_rmse)
        if len(model.weights_by_feature):
            seconds = time.monotonic() - began
            state.log.append(replace(state.log[-1], epoch=len(state.log) + 1, valid_rmse=valid_rmse, seconds=seconds))
        state.epoch = state.best_epoch = len(state.log)
        state.best_rmse = valid_rmse
        return FittedEnsemble(
            spec,
            model,
            state,
            best_epochs=tuple(member.best_epoch for member in members),
            numbers=tuple(member.number for member in members),
            left_out=tuple(left_out),
        )

    def _fit_weights(self, model: EnsembleModel, predictions: npt.NDArray[np.float32], *, constant_rmse: float) -> float:
        """Set the model's weights, which vary with meta-features where that beats `constant_rmse`, the error of constant ones.

        Returns:
            the cross-fitted validation RMSE.
        """
        stacking = self._stacking
        blend = stacking.fit(predictions)
        if not self._spec.feature_ratings:
            model.set_weights(blend.weights, blend.by_feature)
            return constant_rmse
        model.features.learn(self._split.train)
        z = self._features(model.features)
        candidates = [Features(z, damping) for damping in self._spec.feature_ratings]
        errors = [stacking.rmse(stacking.cross_fitted(predictions, features)) for features in candidates]
        varying_rmse = min(errors)
        if varying_rmse < constant_rmse:
            blend = stacking.fit(predictions, candidates[errors.index(varying_rmse)])
        self._announce(
            f"varying weights {'are kept' if varying_rmse < constant_rmse else 'are no better'}: validation RMSE "
            f"{varying_rmse:.4f}, constant weights {constant_rmse:.4f}"
        )
        model.set_weights(blend.weights, blend.by_feature)
        return min(varying_rmse, constant_rmse)

    def _features(self, features: MetaFeatures) -> npt.NDArray[np.float32]:
        """z of the validation ratings, (ratings, J), whose mean and spread standardise all later ones."""
        valid, reader = self._split.valid, features.reader()
        raw = np.empty((len(valid), len(NAMES)))
        for block in row_blocks(self._split.train.indptr):
            places = slice(*valid.indptr[[block.rows.start, block.rows.stop]].tolist())
            history = self._histories.rows(np.arange(block.rows.start, block.rows.stop))
            rows = valid.row_of_rating[places].astype(np.int64) - block.rows.start
            times = None if valid.timestamps is None else valid.timestamps[places]
            raw[places] = reader.raw(history, rows, valid.indices[places].astype(np.int64), times)
        features.standardise_by(raw)
        return features.reader().standardised(raw)

    def _best_variant(self, number: int, member: Member, stop_requested: Callable[[], bool]) -> tuple[FittedMember | None, str]:
        """The variant with the lowest validation RMSE, the first of equal ones; where all diverge none, and why the last did.

        Raises:
            InterruptedTrainingError: a stop was requested.
        """
        best, reason = None, ""
        for place, variant in enumerate(member.distinct_variants(timed=self._split.train.timestamps is not None)):
            if stop_requested():
                kept = "nothing was kept" if self._folder is None else f"those before it are kept in {self._folder}"
                raise InterruptedTrainingError(f"stopped before '{variant.text}'; {kept}")
            self._announce(f"member {number + 1} of {len(self._spec.members)}: {variant.text}")
            try:
                fitted = self._fit_variant(number, place, variant)
            except InterruptedTrainingError:
                raise
            except TrainingError as error:
                reason = str(error).splitlines()[0]
                continue
            if best is None or fitted.valid_rmse < best.valid_rmse:
                best = fitted
        return best, reason

    def _fit_variant(self, number: int, place: int, variant: Variant) -> FittedMember:
        """Fit it, or read it from the folder where it is finished."""
        name = f"member-{number + 1}" + (f"-variant-{place + 1}" if place else "")
        kept = None if self._folder is None else self._folder / name
        if kept is not None and (kept / RECORD_FILE).is_file():
            return self._resumed(kept, number, variant)
        in_progress = None if kept is None else kept.with_name(f"{name}-under-way")
        model, state = self._train_member(variant, member_runtime(self._runtime, number), in_progress)
        train_rmse = state.log[state.best_epoch - 1].train_rmse
        if kept is not None:
            with atomic_folder(kept, overwrite=True, marker=RECORD_FILE) as written:
                write_tensors(model.state_dict(), written / MEMBER_FILE)
                record = {"identity": self._identity, "train_rmse": train_rmse, "best_epoch": state.best_epoch}
                (written / RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")
        return self._measured(number, variant, model, train_rmse, state.best_epoch)

    def _resumed(self, kept: Path, number: int, variant: Variant) -> FittedMember:
        inner = variant.spec.build(self._split.train.num_users, self._split.train.num_items, seed=0)
        model = Rescaled(inner).to(self._runtime.device)
        try:
            record = json.loads((kept / RECORD_FILE).read_text(encoding="utf-8"))
            if record["identity"] != json.loads(json.dumps(self._identity)):
                raise BundleError(
                    f"{kept}: of another run; resume with the same data, split, model and seed, or delete the folder"
                )
            model.load_state_dict(read_tensors(kept / MEMBER_FILE))
            return self._measured(number, variant, model, float(record["train_rmse"]), int(record["best_epoch"]))
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(f"{kept}: damaged ({error}); delete it and resume again") from error

    def _measured(self, number: int, variant: Variant, model: RatingModel, train_rmse: float, best_epoch: int) -> FittedMember:
        predictions = predict_ratings(model.scorer(), self._histories, self._split.valid)
        return FittedMember(variant, model, train_rmse, best_epoch, predictions, self._stacking.rmse(predictions), number)


def member_runtime(runtime: Runtime, number: int) -> Runtime:
    """The runtime of a member, by its position: with a seed of its own."""
    return replace(runtime, seed=derive_seed(runtime.seed, "member", number))
