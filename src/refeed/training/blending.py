"""Fits an ensemble: its members one after the other, then their weights on the validation part."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from refeed.config import from_dict
from refeed.data.batches import derive_seed
from refeed.data.splits import Split
from refeed.errors import BundleError, SplitError, StorageError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.models.base import RatingModel, load_tensors
from refeed.models.ensemble import Ensemble, EnsembleModel, Member, parse_member
from refeed.runtime import Runtime
from refeed.storage import PARTIAL, atomic_folder
from refeed.tensor_files import read_tensors, write_tensors
from refeed.training.loop import RunState
from refeed.training.options import TrainingOptions
from refeed.training.progress import EpochRecord

FOLDS = 5
MEMBER_FILE, RECORD_FILE = "member.safetensors", "member.json"

MemberRun = tuple[RatingModel, RunState]
TrainMember = Callable[[Member, TrainingOptions, Runtime, Path | None], MemberRun]
"""Trains one member with these options, runtime and checkpoint folder."""


class EnsembleTrainer:
    """Fits members in turn and keeps those that are done, so that an interrupted run goes on with the one it was in.

    Args:
        spec: the ensemble.
        split: train and valid ratings.
        runtime: whose seed the members' seeds are derived from.
        train_member: how a member is trained.
        folder: where finished members and the state of the one under way are kept; None keeps nothing.
        identity: what the run is of; finished members of another one are refused.

    Raises:
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
    ) -> None:
        if not len(split.valid):
            raise SplitError("an ensemble learns its weights on the validation part, but that is empty", fix="Give it a share.")
        self._spec, self._split, self._runtime = spec, split, runtime
        self._train_member, self._folder, self._identity = train_member, folder, dict(identity)
        self._truth = np.asarray(split.valid.values, np.float64)
        self._user_of_rating = split.valid.row_of_rating
        self.model = spec.build(split.train.num_users, split.train.num_items, seed=0).to(runtime.device)

    def fit(self) -> tuple[EnsembleModel, RunState]:
        """The fitted model, and a log in which an "epoch" is a member: what all up to it together reach in validation."""
        histories, predictions, state = Histories.of_training(self._split.train), [], RunState()
        for number, text in enumerate(self._spec.members):
            began = time.monotonic()
            train_rmse = self._fit_member(number, parse_member(text))
            predictions.append(predict_ratings(self.model.models[number], histories, self._split.valid))
            valid_rmse = self._cross_fitted_rmse(np.stack(predictions, 1))
            seconds = time.monotonic() - began
            speed = len(self._split.train) / max(seconds, 1e-9)
            state.log.append(EpochRecord(number + 1, train_rmse, None, valid_rmse, None, seconds, speed))
        weights = blend_weights(np.stack(predictions, 1), self._truth, prior_ratings=self._spec.prior_ratings)
        self.model.weights.copy_(torch.from_numpy(weights))
        state.epoch = state.best_epoch = len(state.log)
        state.best_rmse = state.log[-1].valid_rmse or math.inf
        return self.model, state

    def _fit_member(self, number: int, member: Member) -> float:
        """Fit it, or take it up from the folder; its training RMSE."""
        kept = None if self._folder is None else self._folder / f"member-{number + 1}"
        if kept is not None and (kept / RECORD_FILE).is_file():
            return self._take_up(kept, number)
        options = from_dict(TrainingOptions, member.training, where=f"members: '{self._spec.members[number]}'")
        runtime = replace(self._runtime, seed=derive_seed(self._runtime.seed, "member", number))
        under_way = None if self._folder is None else self._folder / f"member-{number + 1}-under-way"
        model, state = self._train_member(member, options, runtime, under_way)
        self.model.members[number] = model
        train_rmse = state.log[state.best_epoch - 1].train_rmse
        if kept is not None:
            with atomic_folder(kept, overwrite=True, marker=RECORD_FILE) as written:
                write_tensors(model.state_dict(), written / MEMBER_FILE)
                record = {"identity": self._identity, "train_rmse": train_rmse}
                (written / RECORD_FILE).write_text(json.dumps(record), encoding="utf-8")
        return train_rmse

    def _take_up(self, kept: Path, number: int) -> float:
        try:
            record = json.loads((kept / RECORD_FILE).read_text(encoding="utf-8"))
            if record["identity"] != json.loads(json.dumps(self._identity)):
                raise BundleError(
                    f"{kept}: of another run; resume with the same data, split, model and seed, or delete the folder"
                )
            load_tensors(self.model.models[number], read_tensors(kept / MEMBER_FILE))
            return float(record["train_rmse"])
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BundleError(f"{kept}: damaged ({error}); delete it and resume again") from error

    def _cross_fitted_rmse(self, predictions: npt.NDArray[np.float32]) -> float:
        """On the validation part, each user's ratings predicted with weights that were learnt from other users."""
        fold = self._user_of_rating % FOLDS
        blended = np.empty(len(self._truth))
        for number in range(FOLDS):
            held_out = fold == number
            weights = blend_weights(predictions[~held_out], self._truth[~held_out], prior_ratings=self._spec.prior_ratings)
            blended[held_out] = weights[0] + predictions[held_out] @ weights[1:]
        return math.sqrt(np.square(self._split.valid.scale.clip(blended) - self._truth).mean())


def blend_weights(
    predictions: npt.NDArray[np.float32], truth: npt.NDArray[np.float64], *, prior_ratings: float
) -> npt.NDArray[np.float32]:
    """w_0 and a weight for each member: argmin |truth - w_0 - P w|^2 + penalty (w_0^2 + |w - 1/M|^2).

    Args:
        predictions: P, (ratings, M).
        truth: (ratings,).
        prior_ratings: the penalty is so many times the mean squared error of equal weights.

    Returns:
        float32 (M + 1,).
    """
    members = predictions.shape[1]
    equal = np.array([0.0, *[1.0 / members] * members])
    design = np.column_stack((np.ones(len(truth)), predictions.astype(np.float64)))
    gaps = truth - design @ equal
    error = float(np.square(gaps).mean()) if len(gaps) else 0.0
    penalty = max(prior_ratings * error, 1e-9)
    moved = np.linalg.solve(design.T @ design + penalty * np.eye(members + 1), design.T @ gaps)
    return np.asarray(equal + moved, np.float32)


def require_ensemble_folder(folder: Path) -> Path:
    """The folder, if it holds nothing but what `EnsembleTrainer` keeps.

    Raises:
        StorageError: it holds something else.
    """
    if not folder.is_dir() or any(not path.name.startswith(("member-", PARTIAL)) for path in folder.iterdir()):
        raise StorageError(f"{folder}: holds something else than an interrupted run; choose another path")
    return folder
