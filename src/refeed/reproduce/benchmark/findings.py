"""What the benchmark says about the paper's ranking of systems, in sentences."""

from __future__ import annotations

from itertools import pairwise

from refeed.metrics.intervals import PairedDifference
from refeed.reports.page import Finding
from refeed.reproduce.benchmark.statistics import BenchmarkScores, DifferenceToBest

LEVEL = 0.05
PAPER_RANKING = ("deep-refeed", "rrn", "i-autorec", "u-autorec")
"""On the whole Netflix set, best first; on three months U-AutoRec and I-AutoRec are in the same order too."""

RULE = (
    "Two systems differ where the 95% bootstrap interval (over users) of the difference of their RMSE excludes 0. These "
    "intervals do not include the variance over seeds, which the table gives as a standard deviation."
)


def benchmark_findings(scores: BenchmarkScores) -> list[Finding]:
    """Whether the paper's ranking of systems holds, which system is best, and the effect of re-feeding."""
    ranked = [name for name in PAPER_RANKING if scores.of(name) is not None]
    found = [_ranking(scores, better, worse) for better, worse in pairwise(ranked)]
    found.append(_best(scores))
    found += [finding for finding in (_refeeding(scores), _default(scores)) if finding is not None]
    if scores.failed:
        found.append(Finding("note", f"Every run diverged: {', '.join(scores.failed)}."))
    return found


def _ranking(scores: BenchmarkScores, better: str, worse: str) -> Finding:
    """Whether the first system, both of which have scores, is better than the second."""
    paired = scores.difference(better, worse)
    assert paired is not None
    claim = f"{_capitalised(_title(scores, better))} is better than {_title(scores, worse)}"
    if paired.high < 0:
        return Finding("holds", f"{claim}, as in the paper: {_numbers(paired)}.")
    if paired.low > 0:
        return Finding("does not hold", f"{claim}: here it is worse, {_numbers(paired)}.")
    return Finding("open", f"{claim}: here they do not differ significantly, {_numbers(paired)}.")


def _best(scores: BenchmarkScores) -> Finding:
    best = scores.scores[0]
    text = f"The lowest RMSE is that of {best.result.system.title}, {best.rmse:.4f}"
    if len(scores.scores) == 1:
        return Finding("note", f"{text}; it is the only system.")
    close = [_title(scores, other.name) for other in scores.differences_to_best if not _is_significant(other)]
    if close:
        return Finding("note", f"{text}; not significantly worse, corrected for their number (Holm): {', '.join(close)}.")
    others = "the other is" if len(scores.differences_to_best) == 1 else "all others are"
    return Finding("note", f"{text}; {others} significantly worse, corrected for their number (Holm).")


def _is_significant(difference: DifferenceToBest) -> bool:
    return difference.adjusted < LEVEL


def _refeeding(scores: BenchmarkScores) -> Finding | None:
    paired = scores.difference("deep-refeed", "deep")
    if paired is None:
        return None
    claim = "Re-feeding lowers the error of the tuned deep autoencoder"
    if paired.high < 0:
        return Finding("holds", f"{claim}, as in the paper: {_numbers(paired)}.")
    if paired.low > 0:
        return Finding("does not hold", f"{claim}: here it raises it, {_numbers(paired)}.")
    return Finding("open", f"{claim}: here there is no significant difference, {_numbers(paired)}.")


def _default(scores: BenchmarkScores) -> Finding | None:
    """refeed's default beside the better of the paper's two autoencoders; None where one of them has no score."""
    of_the_paper = [score for name in ("deep", "deep-refeed") if (score := scores.of(name)) is not None]
    if not of_the_paper:
        return None
    better = min(of_the_paper, key=lambda score: score.rmse).result.system
    paired = scores.difference("default", better.name)
    if paired is None:
        return None
    order = "better than" if paired.high < 0 else "worse than" if paired.low > 0 else "not significantly different from"
    text = f"{_title(scores, 'default')} is {order} the better of the paper's two ({better.title}): {_numbers(paired)}."
    return Finding("note", text)


def _title(scores: BenchmarkScores, name: str) -> str:
    score = scores.of(name)
    return name if score is None else score.result.system.title


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def _numbers(paired: PairedDifference) -> str:
    return f"difference {paired.difference:+.4f}, 95% interval {paired.low:+.4f} to {paired.high:+.4f}"
