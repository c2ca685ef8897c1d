"""A kind of model of your own: it trains, evaluates, recommends, saves and loads like the others.

python examples/03_your_own_model.py [RATINGS]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from ratings_at_hand import ratings_at_hand

import refeed
from refeed.models import register
from refeed.models.base import OneStepFitter, RatingModel, Scorer, Spec, StepReport


@dataclass(frozen=True)
class ItemMean(Spec):
    """rating = mean of the item's ratings, damped towards the mean of all."""

    kind, title = "item-mean", "damped item means"
    damping: float = 10.0

    def summary(self, num_users, num_items):
        return self.title

    def build(self, num_users, num_items, *, seed):
        return ItemMeanModel(num_users, num_items)


class ItemMeanModel(RatingModel):
    def __init__(self, num_users, num_items):
        super().__init__(num_users, num_items)
        self.register_buffer("means", torch.zeros(num_items))  # all that it learns, float32 (n,)

    def scorer(self):
        return ItemMeanScorer(self.means.numpy())


class ItemMeanScorer(Scorer):
    def __init__(self, means):
        self.means = means

    def predict_pairs(self, history, rows, items, times=None):
        return self.means[items]  # (P,)

    def score_rows(self, history):
        return np.tile(self.means, (len(history), 1))  # (B, n)


class ItemMeanFitter(OneStepFitter):
    def __init__(self, spec, train, options, runtime):
        self.spec, self.train = spec, train
        self.model = spec.build(train.num_users, train.num_items, seed=runtime.seed)

    def solve(self):
        sums = np.bincount(self.train.indices, weights=self.train.values, minlength=self.train.num_items)
        counts = np.bincount(self.train.indices, minlength=self.train.num_items)
        means = (sums + self.spec.damping * self.train.values.mean()) / (counts + self.spec.damping)  # (n,)
        self.model.means.copy_(torch.from_numpy(means))
        return StepReport(float(np.square(self.train.values - means[self.train.indices]).sum()), len(self.train))


register(ItemMean, ItemMeanFitter)

split = refeed.RandomSplit().apply(ratings_at_hand())
model = refeed.train(ItemMean(damping=5.0), split)
print(refeed.evaluate(model, split))
print(refeed.recommend(model, split.train.users.decode([0])[0], k=3))
