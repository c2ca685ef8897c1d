"""Fits an ensemble: its members one after the other, each the best of its variants, then their weights on validation."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from refeed.config import from_dict
from refeed.data.batches import derive_seed
from refeed.data.splits import Split
from refeed.errors import BundleError, SplitError, TrainingError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models.base import RatingModel, load_tensors
from refeed.models.bayesian_factorisation import BayesianFactorisation
from refeed.models.ensemble import Ensemble, EnsembleModel, Member, parse_member, variants
from refeed.models.rescaled import Rescaled
from refeed.models.spec import Spec
from refeed.runtime import Runtime
from refeed.storage import atomic_folder
from refeed.tensor_files import read_tensors, write_tensors
from refeed.training.interruption import stop_on_interrupt
from refeed.training.loop import InterruptedTrainingError, RunState
from refeed.training.options import TrainingOptions
from refeed.training.progress import EpochRecord

FOLDS = 5
MEMBER_FILE, RECORD_FILE = "member.safetensors", "member.json"

MemberRun = tuple[RatingModel, RunState]


class TrainMember(Protocol):
    """Trains one member."""

    def __call__(self, member: Member, runtime: Runtime, folder: Path | None, /) -> MemberRun:
        """The model, `Rescaled`, at its best epoch, and where its run ended.

        Args:
            member: what is trained, and how.
            runtime: with the member's own seed.
            folder: where the state of the run is kept and taken up from; None keeps nothing.
        """
        ...


@dataclass(frozen=True, eq=False)
class FittedMember:
    """A variant of a member after training.

    Attributes:
        text: its description, of one variant.
        model: at its best epoch.
        train_rmse: in that epoch.
        best_epoch: from 1.
        predictions: of the validation ratings, not clipped, float32.
        valid_rmse: of these, clipped.
        number: position of the member in the ensemble that was asked for, from 0.
    """

    text: str
    model: RatingModel
    train_rmse: float
    best_epoch: int
    predictions: npt.NDArray[np.float32]
    valid_rmse: float
    number: int


@dataclass(frozen=True, eq=False)
class FittedEnsemble:
    """What `EnsembleTrainer.fit` comes to.

    Attributes:
        spec: the ensemble with the variants that were kept.
        model: fitted.
        state: a log in which an "epoch" is a member: what all up to it together reach in validation.
        best_epochs: of each member.
        numbers: of each member, its position in the ensemble that was asked for.
        left_out: why members are not among them: all of their variants diverged.
    """

    spec: Ensemble
    model: EnsembleModel
    state: RunState
    best_epochs: tuple[int, ...]
    numbers: tuple[int, ...]
    left_out: tuple[str, ...]


class EnsembleTrainer:
    """Fits members in turn and keeps those that are done, so that an interrupted run goes on with the one it was in.

    Args:
        spec: the ensemble.
        split: train and valid ratings.
        runtime: whose seed the members' seeds are derived from.
        train_member: how a member is trained.
        folder: where finished members and the state of the one under way are kept; None keeps nothing.
        identity: what the run is of; finished members of another one are refused.
        announce: told which member comes next.

    Raises:
        ConfigError: training options of a member that there are not, or out of their range.
        SplitError: the validation part is empty.
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
        require_member_options(spec)
        if not len(split.valid):
            raise SplitError("an ensemble learns its weights on the validation part, but that is empty", fix="Give it a share.")
        self._spec, self._split, self._runtime = spec, split, runtime
        self._train_member, self._folder, self._identity = train_member, folder, dict(identity)
        self._announce = announce
        self._truth = np.asarray(split.valid.values, np.float64)
        self._user_of_rating = split.valid.row_of_rating
        self._histories = Histories.of_training(split.train)

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
            for number, text in enumerate(self._spec.members):
                began = time.monotonic()
                member, reason = self._best_variant(number, text, lambda: stop.wished)
                if member is None:
                    left_out.append(f"'{text}' was left out, since {reason}")
                    continue
                members.append(member)
                predictions = np.stack([member.predictions for member in members], 1)
                valid_rmse = self._cross_fitted_rmse(predictions)
                seconds = time.monotonic() - began
                speed = len(self._split.train) / max(seconds, 1e-9)
                state.log.append(EpochRecord(len(members), members[-1].train_rmse, None, valid_rmse, None, seconds, speed))
        if not members:
            raise TrainingError("no member of the ensemble could be trained: " + "; ".join(left_out))
        state.epoch = state.best_epoch = len(state.log)
        state.best_rmse = state.log[-1].valid_rmse or math.inf
        weights = blend_weights(predictions, self._truth, prior_ratings=self._spec.prior_ratings)
        spec = replace(self._spec, members=tuple(one.text for one in members))
        model = self._blended([one.model for one in members], weights)
        return FittedEnsemble(
            spec,
            model,
            state,
            best_epochs=tuple(one.best_epoch for one in members),
            numbers=tuple(one.number for one in members),
            left_out=tuple(left_out),
        )

    def _blended(self, models: list[RatingModel], weights: npt.NDArray[np.float32]) -> EnsembleModel:
        model = EnsembleModel(models, self._split.train.num_users, self._split.train.num_items).to(self._runtime.device)
        model.weights.copy_(torch.from_numpy(weights))
        return model

    def _best_variant(self, number: int, text: str, stop_wished: Callable[[], bool]) -> tuple[FittedMember | None, str]:
        """The variant with the lowest validation RMSE, the first of equal ones; where all diverge none, and why the last did.

        Raises:
            InterruptedTrainingError: a stop is wished.
        """
        best, reason = None, ""
        for place, variant in enumerate(self._distinct(text)):
            if stop_wished():
                kept = "nothing was kept" if self._folder is None else f"those before it are kept in {self._folder}"
                raise InterruptedTrainingError(f"stopped before '{variant}'; {kept}")
            self._announce(f"member {number + 1} of {len(self._spec.members)}: {variant}")
            try:
                one = self._fit_variant(number, place, variant)
            except InterruptedTrainingError:
                raise
            except TrainingError as error:
                reason = str(error).splitlines()[0]
                continue
            if best is None or one.valid_rmse < best.valid_rmse:
                best = one
        return best, reason

    def _distinct(self, text: str) -> list[str]:
        """The variants that differ with these ratings: without times, sittings make no difference."""
        found: dict[str, str] = {}
        for variant in variants(text):
            member = parse_member(variant)
            spec, training = member.spec, member.training
            if self._split.train.timestamps is None and isinstance(spec, BayesianFactorisation):
                spec = replace(spec, sitting_minutes=None)
            found.setdefault(f"{spec} {sorted(training.items())}", variant)
        return list(found.values())

    def _fit_variant(self, number: int, place: int, text: str) -> FittedMember:
        """Fit it, or take it up from the folder."""
        name = f"member-{number + 1}" + (f"-variant-{place + 1}" if place else "")
        kept = None if self._folder is None else self._folder / name
        member = parse_member(text)
        if kept is not None and (kept / RECORD_FILE).is_file():
            return self._take_up(kept, number, text, member.spec)
        under_way = None if kept is None else kept.with_name(f"{name}-under-way")
        model, state = self._train_member(member, member_runtime(self._runtime, number), under_way)
        train_rmse = state.log[state.best_epoch - 1].train_rmse
        if kept is not None:
            with atomic_folder(kept, overwrite=True, marker=RECORD_FILE) as written:
                write_tensors(model.state_dict(), written / MEMBER_FILE)
                record = {"identity": self._identity, "train_rmse": train_rmse, "best_epoch": state.best_epoch}
                (written / RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")
        return self._measured(number, text, model, train_rmse, state.best_epoch)

    def _take_up(self, kept: Path, number: int, text: str, spec: Spec) -> FittedMember:
        inner = spec.build(self._split.train.num_users, self._split.train.num_items, seed=0)
        model = Rescaled(inner).to(self._runtime.device)
        try:
            record = json.loads((kept / RECORD_FILE).read_text(encoding="utf-8"))
            if record["identity"] != json.loads(json.dumps(self._identity)):
                raise BundleError(
                    f"{kept}: of another run; resume with the same data, split, model and seed, or delete the folder"
                )
            load_tensors(model, read_tensors(kept / MEMBER_FILE))
            return self._measured(number, text, model, float(record["train_rmse"]), int(record["best_epoch"]))
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(f"{kept}: damaged ({error}); delete it and resume again") from error

    def _measured(self, number: int, text: str, model: RatingModel, train_rmse: float, best_epoch: int) -> FittedMember:
        predictions = predict_ratings(model, self._histories, self._split.valid)
        return FittedMember(text, model, train_rmse, best_epoch, predictions, self._rmse(predictions), number)

    def _rmse(self, predictions: npt.NDArray[np.floating]) -> float:
        return math.sqrt(np.square(self._split.valid.scale.clip(predictions) - self._truth).mean())

    def _cross_fitted_rmse(self, predictions: npt.NDArray[np.float32]) -> float:
        """On the validation part, each user's ratings predicted with weights that were learnt from other users."""
        fold = self._user_of_rating % FOLDS
        blended = np.empty(len(self._truth))
        for number in range(FOLDS):
            held_out = fold == number
            weights = blend_weights(predictions[~held_out], self._truth[~held_out], prior_ratings=self._spec.prior_ratings)
            blended[held_out] = weights[0] + predictions[held_out] @ weights[1:]
        return self._rmse(blended)


def require_member_options(spec: Ensemble) -> None:
    """See that all members can be trained, before the first one is.

    Raises:
        ConfigError: see `member_options`.
    """
    for text in spec.members:
        for variant in variants(text):
            member_options(parse_member(variant))


def member_options(member: Member) -> TrainingOptions:
    """How a member is trained.

    Raises:
        ConfigError: a key that training options do not have, or a value out of its range.
    """
    return from_dict(TrainingOptions, member.training, where=f"members: '{member.spec.kind}'")


def member_runtime(runtime: Runtime, number: int) -> Runtime:
    """The runtime of a member, by its position: with a seed of its own."""
    return replace(runtime, seed=derive_seed(runtime.seed, "member", number))


def blend_weights(
    predictions: npt.NDArray[np.float32], truth: npt.NDArray[np.float64], *, prior_ratings: float
) -> npt.NDArray[np.float32]:
    """w_0 and a weight for each member: argmin |truth - w_0 - P w|^2 + prior_ratings (w_0^2 + error |w - 1/M|^2).

    Args:
        predictions: P, (ratings, M).
        truth: (ratings,).
        prior_ratings: of the penalties; `error` is the mean squared error of equal weights, so that the unit of ratings plays
            no part.

    Returns:
        float32 (M + 1,).
    """
    members = predictions.shape[1]
    equal = np.array([0.0, *[1.0 / members] * members])
    design = np.column_stack((np.ones(len(truth)), predictions.astype(np.float64)))
    gaps = truth - design @ equal
    error = float(np.square(gaps).mean()) if len(gaps) else 0.0
    penalties = np.array([prior_ratings, *[max(prior_ratings * error, 1e-9)] * members])
    moved = np.linalg.solve(design.T @ design + np.diag(penalties), design.T @ gaps)
    return np.asarray(equal + moved, np.float32)
