"""Train a deep autoencoder on the past, and measure its error on later ratings beside the bias baseline.

python examples/01_train.py [RATINGS]
"""

from __future__ import annotations

from ratings_at_hand import ratings_at_hand

import refeed

ratings = ratings_at_hand()
split = refeed.UserTimeSplit(fraction=0.1).apply(ratings)  # each user's last tenth is the test set
print(split)

spec = refeed.AutoEncoder(encoder=(256, 128), dropout=0.5, offsets="bias")
options = refeed.TrainingOptions(epochs=15, weight_decay=3e-3, patience=3)
network = refeed.train(spec, split, options, progress=True)  # the model of the best epoch on the validation set
biases = refeed.train(refeed.Bias(), split)

for model in (network, biases):
    result = refeed.evaluate(model, split)
    (low, high), ndcg = result.rmse_interval, result.ranking["ndcg@10"]
    print(f"{model.spec.title:22} RMSE {result.rmse:.4f} (95% interval {low:.4f} to {high:.4f}), NDCG@10 {ndcg:.3f}")
