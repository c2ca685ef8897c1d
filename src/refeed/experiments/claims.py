"""Whether an ordering that somebody claims holds between settings that were run with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from refeed.experiments.grid import LineResult, Measure
from refeed.reports.page import Verdict

TIE = 0.001
"""RMSE; two settings whose means differ by no more are tied, as are those whose ranges over the seeds overlap."""

RULE = (
    f"Two settings count as tied where their ranges over the seeds overlap or their means differ by no more than {TIE:g}. Runs "
    "that diverged have no number; a setting of which all runs diverged is left out of the comparisons."
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
    if abs(gap) <= TIE or (min(first) <= max(second) and min(second) <= max(first)):
        return "tied"
    return "below" if gap < 0 else "above"


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
