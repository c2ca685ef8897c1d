"""The weights of an ensemble's members, learnt on the validation part: for all pairs alike, or by features of each pair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refeed.data.ratings import Ratings

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Blend:
    """prediction = a_0 + sum_m a_m p_m, with the weights a = w + V^T z of a pair with the features z and predictions p.

    Attributes:
        weights: w, float32 (M + 1,).
        by_feature: V, float32 (J, M + 1), J = 0 where all pairs have the same weights.
    """

    weights: npt.NDArray[np.float32]
    by_feature: npt.NDArray[np.float32]

    def predict(self, predictions: npt.NDArray[np.float32], features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Of P pairs from the members' predictions, (P, M), and the features, (P, J)."""
        of_pair = self.weights + features @ self.by_feature
        return np.asarray(of_pair[:, 0] + (of_pair[:, 1:] * predictions).sum(1), np.float32)


class Features(NamedTuple):
    """What weights may move with.

    Attributes:
        z: of the validation ratings, float32 (ratings, J), of mean 0 and mean square 1.
        ratings: imaginary ones that say that nothing moves, above 0.
    """

    z: npt.NDArray[np.float32]
    ratings: float


class Stacking:
    """Learns and judges weights; all figures are of weights that were learnt from other users.

    Args:
        valid: the validation part.
        prior_ratings: see `blend_weights`.
        moving: see `weights_by_feature`.
    """

    def __init__(self, valid: Ratings, *, prior_ratings: float, moving: Sequence[int] = ()) -> None:
        self._scale, self._prior, self._moving = valid.scale, prior_ratings, list(moving)
        self._truth, self._users = np.asarray(valid.values, np.float64), valid.row_of_rating

    def fit(
        self,
        predictions: npt.NDArray[np.float32],
        features: Features | None = None,
        *,
        chosen: npt.NDArray[np.bool_] | None = None,
    ) -> Blend:
        """From the validation ratings that are `chosen`, all of them unless said; see `weights_by_feature`.

        Args:
            predictions: of the members, (ratings, M).
            features: None learns the same weights for all.
            chosen: bool (ratings,).
        """
        taken = slice(None) if chosen is None else chosen
        truth = self._truth[taken]
        weights = blend_weights(predictions[taken], truth, prior_ratings=self._prior)
        if features is None:
            return Blend(weights, np.zeros((0, len(weights)), np.float32))
        own = Features(features.z[taken], features.ratings)
        return weights_by_feature(weights, predictions[taken], own, truth, moving=self._moving)

    def cross_fitted(self, predictions: npt.NDArray[np.float32], features: Features | None = None) -> npt.NDArray[np.float32]:
        """Each user's ratings as predicted with weights that were learnt from other users, in 5 folds; see `fit`."""
        blended, fold = np.empty(len(self._truth), np.float32), self._users % FOLDS
        z = np.zeros((len(blended), 0), np.float32) if features is None else features.z
        for number in range(FOLDS):
            held_out = fold == number
            blend = self.fit(predictions, features, chosen=~held_out)
            blended[held_out] = blend.predict(predictions[held_out], z[held_out])
        return blended

    def rmse(self, predictions: npt.NDArray[np.floating]) -> float:
        """Of the validation ratings, predictions clipped to the scale."""
        return math.sqrt(np.square(self._scale.clip(predictions) - self._truth).mean())


def weights_by_feature(
    weights: npt.NDArray[np.float32],
    predictions: npt.NDArray[np.float32],
    features: Features,
    truth: npt.NDArray[np.float64],
    *,
    moving: Sequence[int],
) -> Blend:
    """The weights that a pair's features move: feature-weighted linear stacking (Sill, Takacs, Mackey & Lin 2009).

    What the given weights leave is regressed on z, and on the products of those features in `moving` with each prediction (less
    the mean, in standard deviations of the ratings). The penalty on each squared coefficient is that of `features.ratings`
    imaginary ratings, at which all of these are 1, and which say that nothing changes.

    Args:
        weights: for all pairs alike, (M + 1,).
        predictions: (ratings, M).
        features: z of the same ratings.
        truth: (ratings,).
        moving: columns of z that move the members' weights; the others move the constant alone.
    """
    by_feature = np.zeros((features.z.shape[1], len(weights)))
    if not len(truth):
        return Blend(weights, by_feature.astype(np.float32))
    z, members = features.z.astype(np.float64), predictions.astype(np.float64)
    centre, spread = float(members.mean()), float(truth.std()) or 1.0
    products = z[:, moving, None] * (members - centre)[:, None, :] / spread  # ratings x moving x M
    design = np.column_stack((np.ones(len(truth)), z, products.reshape(len(truth), -1)))
    gaps = truth - weights[0] - members @ weights[1:].astype(np.float64)
    solved = np.linalg.solve(design.T @ design + features.ratings * np.eye(design.shape[1]), design.T @ gaps)
    by_feature[moving, 1:] = solved[1 + z.shape[1] :].reshape(len(moving), -1) / spread
    by_feature[:, 0] = solved[1 : 1 + z.shape[1]] - centre * by_feature[:, 1:].sum(1)
    moved = weights.astype(np.float64)
    moved[0] += solved[0]
    return Blend(moved.astype(np.float32), by_feature.astype(np.float32))


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
