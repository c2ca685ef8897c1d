"""Stacking: the weights of an ensemble's members, learnt on the validation set, constant or varying with meta-features."""

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
        by_feature: V, float32 (J, M + 1), J = 0 where the weights are constant.
    """

    weights: npt.NDArray[np.float32]
    by_feature: npt.NDArray[np.float32]

    def predict(self, predictions: npt.NDArray[np.float32], features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Blended predictions of P pairs, float32 (P,), from the members' predictions, (P, M), and the features, (P, J)."""
        of_pair = self.weights + features @ self.by_feature
        return np.asarray(of_pair[:, 0] + (of_pair[:, 1:] * predictions).sum(1), np.float32)


class Features(NamedTuple):
    """Meta-features that weights may vary with.

    Attributes:
        z: of the validation ratings, float32 (ratings, J), of mean 0 and mean square 1.
        damping: pseudo-counts that shrink the varying part of the weights to 0, above 0.
    """

    z: npt.NDArray[np.float32]
    damping: float


class Stacking:
    """Learns the weights and measures their error by cross-fitting: each user's by weights learnt from other users.

    Args:
        valid: the validation set.
        prior_ratings: see `blend_weights`.
        varying: see `weights_by_feature`.
    """

    def __init__(self, valid: Ratings, *, prior_ratings: float, varying: Sequence[int] = ()) -> None:
        self._scale, self._prior, self._varying = valid.scale, prior_ratings, list(varying)
        self._truth, self._users = np.asarray(valid.values, np.float64), valid.row_of_rating

    def fit(
        self,
        predictions: npt.NDArray[np.float32],
        features: Features | None = None,
        *,
        chosen: npt.NDArray[np.bool_] | None = None,
    ) -> Blend:
        """Learn the weights.

        Args:
            predictions: of the members for the validation ratings, (ratings, M).
            features: None learns constant weights.
            chosen: bool (ratings,), which ratings to learn from; None is all of them.
        """
        taken = slice(None) if chosen is None else chosen
        truth = self._truth[taken]
        weights = blend_weights(predictions[taken], truth, prior_ratings=self._prior)
        if features is None:
            return Blend(weights, np.zeros((0, len(weights)), np.float32))
        own = Features(features.z[taken], features.damping)
        return weights_by_feature(weights, predictions[taken], own, truth, varying=self._varying)

    def cross_fitted(self, predictions: npt.NDArray[np.float32], features: Features | None = None) -> npt.NDArray[np.float32]:
        """Blended predictions of the validation ratings, each user's by weights learnt from other users (5 folds)."""
        blended, fold = np.empty(len(self._truth), np.float32), self._users % FOLDS
        z = np.zeros((len(blended), 0), np.float32) if features is None else features.z
        for number in range(FOLDS):
            held_out = fold == number
            blend = self.fit(predictions, features, chosen=~held_out)
            blended[held_out] = blend.predict(predictions[held_out], z[held_out])
        return blended

    def rmse(self, predictions: npt.NDArray[np.floating]) -> float:
        """RMSE on the validation set, predictions clipped to the scale."""
        return math.sqrt(np.square(self._scale.clip(predictions) - self._truth).mean())


def weights_by_feature(
    weights: npt.NDArray[np.float32],
    predictions: npt.NDArray[np.float32],
    features: Features,
    truth: npt.NDArray[np.float64],
    *,
    varying: Sequence[int],
) -> Blend:
    """Weights that vary with meta-features: feature-weighted linear stacking (Sill, Takacs, Mackey & Lin 2009).

    Ridge regression of the residuals of the constant weights on z and on the products of the features in `varying` with each
    standardised prediction; the penalty on each squared coefficient is `features.damping` pseudo-counts.

    Args:
        weights: the constant weights, (M + 1,).
        predictions: (ratings, M).
        features: z of the same ratings.
        truth: (ratings,).
        varying: columns of z with which the members' weights vary; the others change the intercept alone.
    """
    by_feature = np.zeros((features.z.shape[1], len(weights)))
    if not len(truth):
        return Blend(weights, by_feature.astype(np.float32))
    z, members = features.z.astype(np.float64), predictions.astype(np.float64)
    centre, spread = float(members.mean()), float(truth.std()) or 1.0
    products = z[:, varying, None] * (members - centre)[:, None, :] / spread  # ratings x varying x M
    design = np.column_stack((np.ones(len(truth)), z, products.reshape(len(truth), -1)))
    residuals = truth - weights[0] - members @ weights[1:].astype(np.float64)
    solved = np.linalg.solve(design.T @ design + features.damping * np.eye(design.shape[1]), design.T @ residuals)
    by_feature[varying, 1:] = solved[1 + z.shape[1] :].reshape(len(varying), -1) / spread
    by_feature[:, 0] = solved[1 : 1 + z.shape[1]] - centre * by_feature[:, 1:].sum(1)
    constant = weights.astype(np.float64)
    constant[0] += solved[0]
    return Blend(constant.astype(np.float32), by_feature.astype(np.float32))


def blend_weights(
    predictions: npt.NDArray[np.float32], truth: npt.NDArray[np.float64], *, prior_ratings: float
) -> npt.NDArray[np.float32]:
    """w_0 and a weight for each member: argmin |truth - w_0 - P w|^2 + prior_ratings (w_0^2 + error |w - 1/M|^2).

    Args:
        predictions: P, (ratings, M).
        truth: (ratings,).
        prior_ratings: pseudo-counts; `error` is the mean squared error of equal weights, so that the scale of the ratings
            plays no part.

    Returns:
        float32 (M + 1,).
    """
    members = predictions.shape[1]
    equal = np.array([0.0, *[1.0 / members] * members])
    design = np.column_stack((np.ones(len(truth)), predictions.astype(np.float64)))
    residuals = truth - design @ equal
    error = float(np.square(residuals).mean()) if len(residuals) else 0.0
    penalties = np.array([prior_ratings, *[max(prior_ratings * error, 1e-9)] * members])
    change = np.linalg.solve(design.T @ design + np.diag(penalties), design.T @ residuals)
    return np.asarray(equal + change, np.float32)
