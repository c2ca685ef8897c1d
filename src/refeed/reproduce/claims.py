"""Whether an ordering that somebody claims holds between settings that were run with several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from refeed.reports.page import Verdict
from refeed.reproduce.ablations.grid import LineResult, Measure

TIE = 0.001
"""RMSE; two settings whose means differ by no more are tied, whatever their spread."""

LONE = 0.01
"""The same where neither setting was run with more than one seed, so that nothing is known of the spread."""

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""97.5% quantiles of Student's t with 1, 2, … degrees of freedom; the last one serves for more, which is on the safe side."""

RULE = (
    "Two settings count as tied unless their means over the seeds differ by more than half the 95% interval of that difference "
    f"(Student's t; not corrected for the number of comparisons) and by more than {TIE:g}; with one seed each, by more than "
    f"{LONE:g}. Runs that diverged have no number; a setting of which all runs diverged is left out of the comparisons."
)

Order = Literal["below", "tied", "above"]


@dataclass(frozen=True)
class Finding:
    """What the numbers say to a claim.

    Attributes:
        verdict: "holds" or "does not hold" of a claim of the paper; "open" where the seeds differ too much to say; "note"
            for what the paper does not speak of.
        text: sentences with the numbers.
    """

    verdict: Verdict
    text: str


def compare(first: Sequence[float], second: Sequence[float]) -> Order:
    """Where the first values, one a seed, lie to the second; see `RULE`."""
    gap = fmean(first) - fmean(second)
    if abs(gap) <= _least_gap(first, second):
        return "tied"
    return "below" if gap < 0 else "above"


def _least_gap(first: Sequence[float], second: Sequence[float]) -> float:
    """Half the width of the 95% interval of the difference of the means, equal variances assumed; at least `TIE`."""
    freedom = len(first) + len(second) - 2
    if freedom == 0:
        return LONE
    squares = sum((value - fmean(values)) ** 2 for values in (first, second) for value in values)
    error = math.sqrt(squares / freedom * (1 / len(first) + 1 / len(second)))
    return max(TIE, QUANTILES[min(freedom, len(QUANTILES)) - 1] * error)


def judged(claim: str, pairs: Sequence[tuple[LineResult, LineResult]], measure: Measure) -> Finding:
    """The finding on a claim that the first of each pair has a lower number than the second.

    Args:
        claim: the claim as the beginning of a sentence, for example "SELU ends below ReLU in training RMSE".
        pairs: settings; pairs with one that diverged with every seed are left out.
        measure: the number.
    """
    known = [pair for pair in pairs if all(one.values(measure) for one in pair)]
    if not known:
        return Finding("open", f"{claim}: nothing can be said, since too many runs diverged.")
    orders = [compare(low.values(measure), high.values(measure)) for low, high in known]
    numbers = _numbers(known, measure)
    against = [told(*pair, measure) for pair, order in zip(known, orders, strict=True) if order == "above"]
    tied = [told(*pair, measure) for pair, order in zip(known, orders, strict=True) if order == "tied"]
    if against:
        share = f"{len(against)} of {len(orders)} comparisons" if len(orders) > 1 else "the one comparison"
        return Finding("does not hold", f"{claim}: not here in {share}: {_listed(against)}.")
    if len(tied) == len(orders):
        return Finding("open", f"{claim}: here they are tied ({numbers}).")
    if tied:
        share = f"{len(orders) - len(tied)} of {len(orders)} comparisons"
        return Finding("open", f"{claim}: here in {share}, and never the other way round; tied: {_listed(tied)}.")
    return Finding("holds", f"{claim}, as in the paper ({numbers}).")


def mean_of(line: LineResult, measure: Measure) -> float:
    """The mean over the seeds."""
    return fmean(line.values(measure))


def told(first: LineResult, second: LineResult, measure: Measure) -> str:
    """The two with their numbers."""
    return f"{with_number(first, measure)} against {with_number(second, measure)}"


def with_number(line: LineResult, measure: Measure) -> str:
    """The setting with its number."""
    return f"{line.line.label} {mean_of(line, measure):.4f}"


def _numbers(pairs: Sequence[tuple[LineResult, LineResult]], measure: Measure) -> str:
    """All settings of the pairs with their numbers, lowest first."""
    settings = {one.line.label: one for pair in pairs for one in pair}
    return ", ".join(with_number(one, measure) for one in sorted(settings.values(), key=lambda one: mean_of(one, measure)))


def _listed(texts: Sequence[str], most: int = 3) -> str:
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more
