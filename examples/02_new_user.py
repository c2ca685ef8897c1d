"""Recommend to somebody who was not there in training: a history is enough, nothing is trained again.

python examples/02_new_user.py [RATINGS]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ratings_at_hand import ratings_at_hand

import refeed

split = refeed.RandomSplit().apply(ratings_at_hand())
folder = Path(tempfile.mkdtemp()) / "model"
refeed.train(refeed.BayesianFactorisation(factors=8, samples=10, burn_in=5), split).save(folder)

model = refeed.load(folder)  # elsewhere, any time later
first, second, third, asked = model.items.decode([0, 1, 2, 3])
rated = {first: 5.0, second: 4.0, third: 1.0}
for item in refeed.recommend(model, rated, k=5):
    print(f"{item.rank}. item {item.item}: {item.rating:.2f}")

history = refeed.Ratings.from_columns(["new"] * 3, list(rated), list(rated.values()))
predictions, low, high = refeed.predict_interval(model, ["new"], [asked], level=0.9, history=history)
print(f"item {asked}: {predictions[0]:.2f}, with a probability of 90% between {low[0]:.2f} and {high[0]:.2f}")
