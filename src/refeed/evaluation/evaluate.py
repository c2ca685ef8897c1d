"""Evaluation of a fitted model on held-out ratings: errors with intervals, by activity, and ranking of the whole catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

from refeed.config import Bound, Config, PositiveInt
from refeed.data.ratings import Ratings, RatingScale
from refeed.data.splits.base import ColdCounts, Split
from refeed.errors import ConfigError, DataError
from refeed.evaluation.catalogue_ranking import rank_catalogue
from refeed.evaluation.user_errors import user_errors
from refeed.fitted_model import FittedModel
from refeed.inference.histories import Histories
from refeed.metrics.activity import ActivityGroup, activity_deciles
from refeed.metrics.coverage import Calibration
from refeed.metrics.intervals import Interval, bootstrap_intervals
from refeed.progress import Callback, callback_of
from refeed.reports.notebook import facts_table

Part = Literal["train", "valid", "test"]
RELEVANT_SHARE = 0.75  # of the scale; the default threshold of relevance, which is 4 on a scale of 1 to 5


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of a model on held-out ratings.

    Attributes:
        part: which ratings: "test", "valid", "train" or "given".
        rmse, mae: of predictions clipped to the scale, in units of the ratings.
        rmse_interval, mae_interval: 95% bootstrap intervals over users.
        rmse_unclipped, mae_unclipped: of predictions that are not clipped.
        num_ratings, num_users: numbers of ratings and users that were scored.
        cold: users, items and ratings that were not scored, for lack of a training rating of the user or the item.
        left_out: number of ratings in none of the training, validation and test sets, by reason.
        activity: errors in deciles of the users by the number of ratings in their histories.
        calibration: of the prediction intervals; None where the model has none.
        ranking: NDCG, recall, precision and MAP at each k over the whole catalogue, items of the history excluded; empty where
            not requested. See `metrics.ranking` for the formulas.
        ranking_users: number of users with at least one relevant item.
        relevant_from: smallest rating of a relevant item.
        squared_by_user: float64 (U,), each user's sum of squared (clipped) errors, for paired comparisons.
        counts_by_user: int64 (U,), each user's number of scored ratings.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, RandomSplit, Ratings, evaluate, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> split = RandomSplit().apply(ratings)
        >>> result = evaluate(train(Bias(), split), split)
        >>> result.rmse_interval.low < result.rmse < result.rmse_interval.high
        True
        >>> sorted(result.ranking)
        ['map@10', 'ndcg@10', 'precision@10', 'recall@10']
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
    calibration: Calibration | None
    ranking: Mapping[str, float]
    ranking_users: int
    relevant_from: float
    squared_by_user: npt.NDArray[np.float64]
    counts_by_user: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        low, high = self.rmse_interval
        return (
            f"Evaluation({self.part}: RMSE {self.rmse:.4f} (95% interval {low:.4f} to {high:.4f}), MAE {self.mae:.4f}, "
            f"{self.num_ratings:,} ratings of {self.num_users:,} users)"
        )

    def _repr_html_(self) -> str:
        def with_interval(value: float, interval: Interval) -> str:
            return f"{value:.4f} (95% interval {interval.low:.4f} to {interval.high:.4f})"

        return facts_table(
            f"Evaluation on the {self.part} ratings",
            [
                ("RMSE", with_interval(self.rmse, self.rmse_interval)),
                ("MAE", with_interval(self.mae, self.mae_interval)),
                ("RMSE, unclipped", self.rmse_unclipped),
                *self.ranking.items(),
                ("ratings", self.num_ratings),
                ("users", self.num_users),
                ("users with a relevant item", self.ranking_users),
                ("relevant from", f"{self.relevant_from:g}"),
                ("ratings not scored (cold)", self.cold.ratings),
            ],
        )

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
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "ranking": dict(self.ranking),
        }


Resamples = Annotated[int, Bound("at least 2, for an interval has two ends", lambda value: value >= 2)]


@dataclass(frozen=True)
class EvaluationOptions(Config):
    """Options of an evaluation.

    Attributes:
        ks: lengths of the lists for the ranking metrics; empty leaves these metrics out.
        relevant_from: smallest rating of a relevant item; None: three quarters up the scale, rounded to a half.
        resamples: of the bootstrap, at least 2.
        seed: of the bootstrap.

    Raises:
        ConfigError: a value of the wrong type or out of its range.

    Examples:
        >>> from refeed import EvaluationOptions, RatingScale
        >>> EvaluationOptions(ks=(5, 10)).threshold(RatingScale(1, 5))  # the smallest rating of a relevant item
        4.0
    """

    ks: tuple[PositiveInt, ...] = (10,)
    relevant_from: float | None = None
    resamples: Resamples = 1000
    seed: int = 0

    def threshold(self, scale: RatingScale) -> float:
        """The smallest rating of a relevant item, on this scale.

        Raises:
            ConfigError: `relevant_from` lies outside the scale.
        """
        if self.relevant_from is None:
            exact = scale.minimum + RELEVANT_SHARE * (scale.maximum - scale.minimum)
            return min(scale.maximum, max(scale.minimum, round(2 * exact) / 2))
        if not scale.minimum <= self.relevant_from <= scale.maximum:
            span = f"{scale.minimum:g} to {scale.maximum:g}"
            raise ConfigError(f"relevant_from: expected a rating of the scale {span}, got {self.relevant_from:g}")
        return self.relevant_from


def evaluate(
    fitted: FittedModel,
    split: Split,
    part: Part = "test",
    *,
    options: EvaluationOptions | None = None,
    progress: bool | Callback = False,
) -> Evaluation:
    """Evaluate a model on the test set of its split, with the training set as its users' histories.

    Args:
        fitted: the model.
        split: the split that it was trained on.
        part: "train", "valid" or "test".
        options: lengths of the lists, threshold of relevance, bootstrap; default: `EvaluationOptions()`.
        progress: as in `train`.

    Returns:
        errors in units of the ratings with 95% intervals (bootstrap over users), ranking metrics in 0 to 1 over the whole
        catalogue, and the calibration of the prediction intervals.

    Raises:
        ConfigError: there is no such part, or it is "valid" of a model that was refitted to it.
        DataError: the model was trained on another split, or (where it keeps no record of its split) knows none of the items.

    Examples:
        >>> import numpy as np
        >>> from refeed import Bias, EvaluationOptions, RandomSplit, Ratings, evaluate, train
        >>> users, items = np.divmod(np.arange(0, 1200, 3), 40)  # 30 users, 40 items
        >>> ratings = Ratings.from_columns(users, items, 1 + (users + items) % 5)
        >>> split = RandomSplit().apply(ratings)
        >>> result = evaluate(train(Bias(), split), split, options=EvaluationOptions(ks=()))
        >>> result.part, result.num_ratings, result.rmse < 2
        ('test', 40, True)
    """
    if part not in ("train", "valid", "test"):
        raise ConfigError(f"part: expected train, valid or test, got '{part}'")
    if fitted.provenance.split_fingerprint and fitted.provenance.split_fingerprint != split.fingerprint:
        raise DataError(
            "the model was trained on another split (or other data) than the one given",
            fix="Its test ratings may be this model's training ratings. Split as in training, or train again.",
        )
    if fitted.provenance.refit:
        if part == "valid":
            raise ConfigError("part: the model was refitted to the validation set too; score the test set")
        split = split.refitting()
    histories = Histories.for_model(fitted, split.train)
    targets, unknown = _known_targets(fitted, histories, getattr(split, part))
    dropped = split.cold.get(part, ColdCounts(0, 0, 0))
    cold = ColdCounts(
        users=dropped.users + unknown.users, items=dropped.items + unknown.items, ratings=dropped.ratings + unknown.ratings
    )
    return evaluate_ratings(
        fitted, histories, targets, part=part, cold=cold, left_out=split.left_out, options=options, progress=progress
    )


def evaluate_given(
    fitted: FittedModel,
    targets: Ratings,
    history: Ratings,
    *,
    options: EvaluationOptions | None = None,
    progress: bool | Callback = False,
) -> Evaluation:
    """Evaluate a model on ratings whose users, who may be new to the model, have the given histories.

    Args:
        fitted: the model.
        targets: the ratings to predict.
        history: the ratings that the model may use for their users.
        options: as in `evaluate`.
        progress: as in `train`.

    Raises:
        DataError: no target is of a user with a history and an item that the model knows.
    """
    histories = Histories.for_model(fitted, history)
    known, cold = _known_targets(fitted, histories, targets)
    return evaluate_ratings(fitted, histories, known, part="given", cold=cold, left_out={}, options=options, progress=progress)


def evaluate_ratings(
    fitted: FittedModel,
    histories: Histories,
    targets: Ratings,
    *,
    part: str,
    cold: ColdCounts,
    left_out: Mapping[str, int],
    options: EvaluationOptions | None = None,
    progress: bool | Callback = False,
) -> Evaluation:
    """Evaluate a model on targets under the vocabularies of the histories."""
    options, callback = options or EvaluationOptions(), callback_of(progress)
    relevant_from = options.threshold(fitted.scale)
    errors, counts = user_errors(fitted, histories, targets, progress=callback), targets.user_counts
    inside = () if errors.coverage is None else tuple(errors.coverage.inside)
    rmse_interval, mae_interval, *of_coverage = bootstrap_intervals(
        errors.squared, errors.absolute, counts, further=inside, resamples=options.resamples, seed=options.seed
    )
    calibration = None if errors.coverage is None else errors.coverage.result(counts, of_coverage)
    ranking = rank_catalogue(fitted, histories, targets, relevant_from=relevant_from, ks=options.ks, progress=callback)
    return Evaluation(
        part=part,
        rmse=errors.clipped.rmse,
        mae=errors.clipped.mae,
        rmse_interval=rmse_interval,
        mae_interval=mae_interval,
        rmse_unclipped=errors.unclipped.rmse,
        mae_unclipped=errors.unclipped.mae,
        num_ratings=len(targets),
        num_users=int((counts > 0).sum()),
        cold=cold,
        left_out=left_out,
        activity=tuple(activity_deciles(histories.ratings.user_counts, counts, errors.squared, errors.absolute)),
        calibration=calibration,
        ranking=ranking.result() if ranking.users else {},
        ranking_users=ranking.users,
        relevant_from=relevant_from,
        squared_by_user=errors.squared,
        counts_by_user=counts,
    )


def _known_targets(fitted: FittedModel, histories: Histories, targets: Ratings) -> tuple[Ratings, ColdCounts]:
    """The targets under the vocabularies of the histories, and the counts of those of users or items unknown there."""
    vocabularies = histories.ratings.users, fitted.items
    if (targets.users, targets.items) == vocabularies:
        return targets, ColdCounts(0, 0, 0)
    known, kept = targets.reindexed(*vocabularies)
    if len(known) == 0:
        raise DataError("none of the ratings to predict is of a user with a history and an item known to the model")
    is_new_user, is_new_item = (
        known_ids.lookup(ids.ids, missing="mark") < 0
        for known_ids, ids in zip(vocabularies, (targets.users, targets.items), strict=True)
    )
    cold = ColdCounts(
        users=int((is_new_user & (targets.user_counts > 0)).sum()),
        items=int((is_new_item & (targets.item_counts > 0)).sum()),
        ratings=int((~kept).sum()),
    )
    return known, cold
