"""Comparison with other libraries: the same ratings, the same hyperparameters, errors of predictions as they are."""

from __future__ import annotations

import numpy as np

from refeed.data.splits.base import Split
from refeed.data.splits.random import RandomSplit
from refeed.fitted_model import FittedModel
from refeed.readers import read_ratings


def movielens_100k(datasets) -> Split:
    """70,000 ratings to train on and 20,000 to test on."""
    return RandomSplit(valid=0.1, test=0.2, seed=0).apply(read_ratings(datasets / "ml-100k"))


def predictor(fitted: FittedModel):
    """The fitted model's predictions of pairs of user and item positions."""
    return lambda users, items: fitted.scorer().predict_pairs(fitted.histories.rows(), users, items)


def rmse_on_test(predict, split: Split) -> float:
    """RMSE of unclipped predictions over the test part."""
    test = split.test
    predicted = predict(test.row_of_rating.astype(np.int64), test.indices.astype(np.int64))
    return float(np.sqrt(np.square(predicted - test.values).mean()))
