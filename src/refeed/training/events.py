"""What training reports of its steps and epochs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from refeed.progress import Advanced, Finished


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of the training log.

    Attributes:
        epoch: from 1.
        train_rmse: over the epoch's ratings, each before the update it caused, dropout on, not clipped.
        refeed_loss: mean loss of the re-feeding passes, None without.
        valid_rmse: on the validation set after the epoch, clipped to the scale; None without a validation set.
        learning_rate: at the start of the epoch, None where there is none.
        seconds: spent on training and validation.
        ratings_per_second: training ratings a second, without validation.
    """

    epoch: int
    train_rmse: float
    refeed_loss: float | None
    valid_rmse: float | None
    learning_rate: float | None
    seconds: float
    ratings_per_second: float

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class StepFinished(Advanced):
    """A step of an epoch is finished; amounts are in epochs.

    Attributes:
        epoch: from 0.
        step: of this epoch, from 1.
        train_rmse: of the epoch so far.
    """

    epoch: int
    step: int
    train_rmse: float


@dataclass(frozen=True, kw_only=True)
class EpochFinished(Finished):
    """An epoch is finished and validated; amounts are in epochs.

    Attributes:
        record: of the epoch.
        is_best: whether no epoch before had a lower validation RMSE.
    """

    record: EpochRecord
    is_best: bool
