"""A fitted model over held-out ratings: errors with intervals, by activity, and ranking over the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from refeed.bundles import FittedModel
from refeed.data.history import row_places
from refeed.data.ratings import Ratings
from refeed.data.split_assembly import ColdCounts
from refeed.data.splits import Split
from refeed.errors import ConfigError, DataError
from refeed.inference.histories import Histories
from refeed.inference.scoring import predict_ratings
from refeed.metrics.calibration import ActivityGroup, activity_deciles
from refeed.metrics.intervals import Interval, bootstrap_mae_interval, bootstrap_rmse_interval
from refeed.metrics.ranking import RankingSums, ranking_sums
from refeed.metrics.rating_errors import mae, rmse, sums_by_group

Part = Literal["train", "valid", "test"]
RELEVANT_SHARE = 0.75  # how far up the scale an item counts as relevant by default: from 4 on, on a scale of 1 to 5
RANKING_BLOCK = 512  # users ranked at once


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a model does on held-out ratings.

    Attributes:
        part: which ratings ("test", "valid", "train" or "given").
        rmse, mae: of predictions clipped to the scale.
        rmse_interval, mae_interval: 95% bootstrap intervals, users drawn with replacement.
        rmse_unclipped, mae_unclipped: of predictions as they are.
        num_ratings, num_users: that were scored.
        cold: users, items and ratings that were not scored, since training knows their user or item not.
        left_out: ratings in none of the parts, by reason.
        activity: by deciles of the number of ratings that the model sees of a user.
        ranking: NDCG, recall, precision and MAP at each k over the whole catalogue, seen items excluded; empty if not asked.
        ranking_users: users with at least one relevant item.
        relevant_from: the rating from which on an item counts as relevant.
        squared_by_user: float64 (U,), each user's sum of squared (clipped) errors, for paired comparisons.
        counts_by_user: int64 (U,).
    """

    part: str
    rmse: float
    mae: float
    rmse_interval: Interval
    mae_interval: Interval
    rmse_unclipped: float
    mae_unclipped: float
    num_ratings: int
    num_users: int
    cold: ColdCounts
    left_out: Mapping[str, int]
    activity: tuple[ActivityGroup, ...]
    ranking: Mapping[str, float]
    ranking_users: int
    relevant_from: float
    squared_by_user: npt.NDArray[np.float64] = field(repr=False)
    counts_by_user: npt.NDArray[np.int64] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if not name.endswith("_by_user")}
        return {
            **values,
            "rmse_interval": list(self.rmse_interval),
            "mae_interval": list(self.mae_interval),
            "cold": asdict(self.cold),
            "left_out": dict(self.left_out),
            "activity": [asdict(group) for group in self.activity],
            "ranking": dict(self.ranking),
        }


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate.

    Attributes:
        ks: lengths of the recommendation lists for the ranking metrics; empty leaves them out.
        relevant_from: rating from which on an item is relevant; None takes three quarters up the scale, to the nearest half.
        resamples: of the bootstrap, at least 1.
        seed: of the bootstrap.
    """

    ks: tuple[int, ...] = (10,)
    relevant_from: float | None = None
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 1 or (self.ks and min(self.ks) < 1):
            raise ConfigError(f"resamples, ks: expected at least 1, got {self.resamples} and {list(self.ks)}")


def evaluate(fitted: FittedModel, split: Split, part: Part = "test", *, options: EvaluationOptions | None = None) -> Evaluation:
    """Score one part of a split; the model sees the training part as its users' histories.

    Raises:
        ConfigError: there is no such part.
        DataError: the model was trained on another split, or (where it keeps no record of its split) knows none of the items.
    """
    if part not in ("train", "valid", "test"):
        raise ConfigError(f"part: expected train, valid or test, got '{part}'")
    if fitted.provenance.split_fingerprint and fitted.provenance.split_fingerprint != split.fingerprint:
        raise DataError(
            "the model was trained on another split (or other data) than the one given",
            fix="Its test ratings may be this model's training ratings. Split as in training, or train again.",
        )
    histories = Histories.for_model(fitted, split.train)
    targets, unknown = _known_targets(fitted, histories, getattr(split, part))
    dropped = split.cold.get(part, ColdCounts(0, 0, 0))
    cold = ColdCounts(
        users=dropped.users + unknown.users, items=dropped.items + unknown.items, ratings=dropped.ratings + unknown.ratings
    )
    return evaluate_ratings(fitted, histories, targets, part=part, cold=cold, left_out=split.left_out, options=options)


def evaluate_given(
    fitted: FittedModel, targets: Ratings, history: Ratings, *, options: EvaluationOptions | None = None
) -> Evaluation:
    """Score ratings given apart from the histories of their users, who may be new to the model.

    Raises:
        DataError: no target is of a user with a history and an item that the model knows.
    """
    histories = Histories.for_model(fitted, history)
    known, cold = _known_targets(fitted, histories, targets)
    return evaluate_ratings(fitted, histories, known, part="given", cold=cold, left_out={}, options=options)


def evaluate_ratings(
    fitted: FittedModel,
    histories: Histories,
    targets: Ratings,
    *,
    part: str,
    cold: ColdCounts,
    left_out: Mapping[str, int],
    options: EvaluationOptions | None = None,
) -> Evaluation:
    """Score `targets`, which are under the vocabularies of the histories; see `Evaluation`."""
    options = options or EvaluationOptions()
    truth = np.asarray(targets.values, np.float64)
    raw = predict_ratings(fitted.model, histories, targets)
    clipped = fitted.scale.clip(raw)
    errors = clipped - truth
    users, counts = targets.row_of_rating, targets.user_counts
    squared = sums_by_group(users, errors**2, targets.num_users)
    absolute = sums_by_group(users, np.abs(errors), targets.num_users)
    relevant_from = _relevant_from(fitted, options)
    ranking = _rank(fitted, histories, targets, relevant_from, options.ks) if options.ks else RankingSums(0, {})
    return Evaluation(
        part=part,
        rmse=rmse(truth, clipped),
        mae=mae(truth, clipped),
        rmse_interval=bootstrap_rmse_interval(squared, counts, resamples=options.resamples, seed=options.seed),
        mae_interval=bootstrap_mae_interval(absolute, counts, resamples=options.resamples, seed=options.seed),
        rmse_unclipped=rmse(truth, raw),
        mae_unclipped=mae(truth, raw),
        num_ratings=len(targets),
        num_users=int((counts > 0).sum()),
        cold=cold,
        left_out=left_out,
        activity=tuple(activity_deciles(histories.ratings.user_counts, users, errors**2, np.abs(errors))),
        ranking=ranking.result() if ranking.users else {},
        ranking_users=ranking.users,
        relevant_from=relevant_from,
        squared_by_user=squared,
        counts_by_user=counts,
    )


def _known_targets(fitted: FittedModel, histories: Histories, targets: Ratings) -> tuple[Ratings, ColdCounts]:
    """The targets under the vocabularies of the histories, and what of them is of users or items unknown there."""
    vocabularies = histories.ratings.users, fitted.items
    if (targets.users, targets.items) == vocabularies:
        return targets, ColdCounts(0, 0, 0)
    known, kept = targets.reindexed(*vocabularies)
    if len(known) == 0:
        raise DataError("none of the ratings to predict is of a user with a history and an item known to the model")
    is_new_user, is_new_item = (
        own.lookup(asked.ids, missing="mark") < 0
        for own, asked in zip(vocabularies, (targets.users, targets.items), strict=True)
    )
    cold = ColdCounts(
        users=int((is_new_user & (targets.user_counts > 0)).sum()),
        items=int((is_new_item & (targets.item_counts > 0)).sum()),
        ratings=int((~kept).sum()),
    )
    return known, cold


def _relevant_from(fitted: FittedModel, options: EvaluationOptions) -> float:
    if options.relevant_from is not None:
        return options.relevant_from
    exact = fitted.scale.minimum + RELEVANT_SHARE * (fitted.scale.maximum - fitted.scale.minimum)
    return round(2 * exact) / 2


def _rank(
    fitted: FittedModel, histories: Histories, targets: Ratings, relevant_from: float, ks: tuple[int, ...]
) -> RankingSums:
    """Rank the catalogue for every user with a relevant target, in blocks; items of the history are not ranked."""
    relevant = targets.select(np.asarray(targets.values, np.float64) >= relevant_from)
    users = np.flatnonzero(relevant.user_counts)
    total: RankingSums | None = None
    for start in range(0, len(users), RANKING_BLOCK):
        block = users[start : start + RANKING_BLOCK]
        history = histories.rows(block)
        places, indptr = row_places(relevant.indptr, block)
        wanted = _without_seen(indptr, relevant.indices[places].astype(np.int64), history.indptr, history.indices)
        scores = fitted.model.score_rows(history)
        sums = ranking_sums(scores, wanted, (history.indptr, history.indices), ks=ks)
        total = sums if total is None else total + sums
    return total or RankingSums(0, {})


def _without_seen(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    seen_indptr: npt.NDArray[np.int64],
    seen_indices: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The sets without what each row has seen (only the training part itself, or given histories, can overlap)."""
    width = int(max(indices.max(initial=0), seen_indices.max(initial=0))) + 1
    rows, seen_rows = (np.repeat(np.arange(len(pointers) - 1), np.diff(pointers)) for pointers in (indptr, seen_indptr))
    kept = ~np.isin(rows * width + indices, seen_rows * width + seen_indices)
    result = np.zeros_like(indptr)
    np.cumsum(np.bincount(rows[kept], minlength=len(indptr) - 1), out=result[1:])
    return result, indices[kept]
