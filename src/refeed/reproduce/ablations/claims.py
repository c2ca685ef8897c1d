"""Whether an ordering that the paper claims holds between settings that were run with several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from refeed.reports.page import Finding
from refeed.reproduce.ablations.grid import Measure, SettingResult

TIE = 0.001
"""RMSE; two settings whose means differ by no more than this are tied, whatever their variance."""

SINGLE_SEED_TIE = 0.01
"""The same where both settings have a single seed, so that nothing is known of their variance."""

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""97.5% quantiles of Student's t with 1, 2, … degrees of freedom; the last one also serves for more, which is conservative."""

RULE = (
    "Two settings are tied unless their means over the seeds differ by more than half the width of the 95% interval of that "
    "difference (Student's t; not corrected for the number of comparisons) and by more than "
    f"{TIE:g}; with one seed each, by more than {SINGLE_SEED_TIE:g}. Runs that diverged have no RMSE; a setting of which all "
    "runs diverged is left out of the comparisons."
)

Order = Literal["below", "tied", "above"]


def compare(first: Sequence[float], second: Sequence[float]) -> Order:
    """Whether the first values, one a seed, are below the second, tied or above, by `RULE`."""
    gap = fmean(first) - fmean(second)
    if abs(gap) <= _least_gap(first, second):
        return "tied"
    return "below" if gap < 0 else "above"


def _least_gap(first: Sequence[float], second: Sequence[float]) -> float:
    """Half the width of the 95% interval of the difference of the means, assuming equal variances; at least `TIE`."""
    freedom = len(first) + len(second) - 2
    if freedom == 0:
        return SINGLE_SEED_TIE
    squares = sum((value - fmean(values)) ** 2 for values in (first, second) for value in values)
    error = math.sqrt(squares / freedom * (1 / len(first) + 1 / len(second)))
    return max(TIE, QUANTILES[min(freedom, len(QUANTILES)) - 1] * error)


def judge(claim: str, pairs: Sequence[tuple[SettingResult, SettingResult]], measure: Measure) -> Finding:
    """The finding on a claim that the first setting of each pair has a lower RMSE than the second.

    Args:
        claim: the claim as the beginning of a sentence, for example "SELU ends below ReLU in training RMSE".
        pairs: settings; pairs with a setting of which all runs diverged are left out.
        measure: the RMSE to compare.
    """
    pairs = [pair for pair in pairs if all(result.values(measure) for result in pair)]
    if not pairs:
        return Finding("open", f"{claim}: inconclusive, since too many runs diverged.")
    orders = [compare(low.values(measure), high.values(measure)) for low, high in pairs]
    reversed_pairs, tied_pairs = (
        [versus(*pair, measure) for pair, order in zip(pairs, orders, strict=True) if order == wanted]
        for wanted in ("above", "tied")
    )
    if reversed_pairs:
        share = f"{len(reversed_pairs)} of {len(orders)} comparisons" if len(orders) > 1 else "the only comparison"
        return Finding("does not hold", f"{claim}: not here in {share}: {_listed(reversed_pairs)}.")
    if len(tied_pairs) == len(orders):
        return Finding("open", f"{claim}: here they are tied ({_all_values(pairs, measure)}).")
    if tied_pairs:
        share = f"{len(orders) - len(tied_pairs)} of {len(orders)} comparisons"
        return Finding("open", f"{claim}: here in {share}, and reversed in none; tied: {_listed(tied_pairs)}.")
    return Finding("holds", f"{claim}, as in the paper ({_all_values(pairs, measure)}).")


def mean_of(result: SettingResult, measure: Measure) -> float:
    """The mean of the measure over the seeds."""
    return fmean(result.values(measure))


def versus(first: SettingResult, second: SettingResult, measure: Measure) -> str:
    """Both settings with their means, as a phrase."""
    return f"{with_mean(first, measure)} against {with_mean(second, measure)}"


def with_mean(result: SettingResult, measure: Measure) -> str:
    """The setting's label and its mean over the seeds."""
    return f"{result.setting.label} {mean_of(result, measure):.4f}"


def _all_values(pairs: Sequence[tuple[SettingResult, SettingResult]], measure: Measure) -> str:
    """All settings of the pairs with their means, lowest first."""
    results = {result.setting.label: result for pair in pairs for result in pair}
    ranked = sorted(results.values(), key=lambda result: mean_of(result, measure))
    return ", ".join(with_mean(result, measure) for result in ranked)


def _listed(texts: Sequence[str], most: int = 3) -> str:
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more
