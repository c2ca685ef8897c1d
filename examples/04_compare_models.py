"""Compare kinds of models fairly: one split, equal data, and differences over the same users.

python examples/04_compare_models.py [RATINGS]
"""

from __future__ import annotations

from ratings_at_hand import ratings_at_hand

import refeed

split = refeed.UserTimeSplit(fraction=0.1).apply(ratings_at_hand())
specs = [
    refeed.Bias(),
    refeed.ALS(factors=20),
    refeed.SvdPlusPlus(factors=20),
    refeed.BayesianFactorisation(factors=8, samples=10, burn_in=5),
]
results = {spec.title: refeed.evaluate(refeed.train(spec, split), split) for spec in specs}
baseline = results[refeed.Bias.title]

print(f"{'model':34} {'RMSE':>7} {'NDCG@10':>8}   RMSE less that of the biases, 95% interval")
for title, result in sorted(results.items(), key=lambda item: item[1].rmse):
    less = refeed.compare(result, baseline)
    difference = "" if result is baseline else f"{less.difference:+.4f} ({less.low:+.4f} to {less.high:+.4f})"
    print(f"{title:34} {result.rmse:7.4f} {result.ranking['ndcg@10']:8.3f}   {difference}")
