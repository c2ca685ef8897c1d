"""What the benchmark says to the paper's ordering of systems, in sentences."""

from __future__ import annotations

from refeed.metrics.intervals import PairedDifference
from refeed.reproduce.benchmark.statistics import BenchmarkScores, ToBest
from refeed.reproduce.claims import Finding

LEVEL = 0.05
PAPERS_ORDER = ("deep-refeed", "rrn", "i-autorec", "u-autorec")
"""On the whole Netflix set, best first; on three months U-AutoRec and I-AutoRec are in the same order too."""

RULE = (
    "Two systems differ where the 95% interval of the difference of their RMSE, users drawn with replacement, leaves out 0. "
    "What seeds do is not in these intervals; it is in the column of the spread."
)


def benchmark_findings(scores: BenchmarkScores) -> list[Finding]:
    """Whether the paper's order of systems holds, which system is best, and what re-feeding does."""
    found = [_pair(scores, *pair) for pair in _neighbours(scores)]
    found.append(_best(scores))
    found += [finding for finding in (_refeeding(scores), _ours(scores)) if finding is not None]
    if scores.failed:
        found.append(Finding("note", f"Every run diverged: {', '.join(scores.failed)}."))
    return found


def _neighbours(scores: BenchmarkScores) -> list[tuple[str, str]]:
    """The systems of the paper's order that are here, each with the next."""
    here = [name for name in PAPERS_ORDER if scores.of(name) is not None]
    return [(here[place], here[place + 1]) for place in range(len(here) - 1)]


def _pair(scores: BenchmarkScores, better: str, worse: str) -> Finding:
    paired = scores.difference(better, worse)
    assert paired is not None  # both are here
    claim = f"{_capital(_title(scores, better))} is better than {_title(scores, worse)}"
    if paired.high < 0:
        return Finding("holds", f"{claim}, as in the paper: {_told(paired)}.")
    if paired.low > 0:
        return Finding("does not hold", f"{claim}: here it is worse, {_told(paired)}.")
    return Finding("open", f"{claim}: here they cannot be told apart, {_told(paired)}.")


def _best(scores: BenchmarkScores) -> Finding:
    best = scores.scores[0]
    text = f"The lowest RMSE is that of {best.result.system.title}, {best.rmse:.4f}"
    close = [_title(scores, one.name) for one in scores.to_best if not _differs(one)]
    if len(scores.scores) == 1:
        return Finding("note", f"{text}; it is the only system.")
    if not close:
        others = "the other is worse" if len(scores.to_best) == 1 else "all others are worse, corrected for their number (Holm)"
        return Finding("note", f"{text}; {others}.")
    return Finding("note", f"{text}; corrected for the number of systems (Holm), not told apart from it: {', '.join(close)}.")


def _differs(one: ToBest) -> bool:
    return one.adjusted < LEVEL


def _refeeding(scores: BenchmarkScores) -> Finding | None:
    paired = scores.difference("deep-refeed", "deep")
    if paired is None:
        return None
    claim = "Re-feeding lowers the error of the tuned deep autoencoder"
    if paired.high < 0:
        return Finding("holds", f"{claim}, as in the paper: {_told(paired)}.")
    verdict = "it raises it" if paired.low > 0 else "no difference can be told"
    return Finding("does not hold" if paired.low > 0 else "open", f"{claim}: here {verdict}, {_told(paired)}.")


def _ours(scores: BenchmarkScores) -> Finding | None:
    papers = min(
        (one for name in ("deep", "deep-refeed") if (one := scores.of(name)) is not None),
        key=lambda one: one.rmse,
        default=None,
    )
    paired = None if papers is None else scores.difference("default", papers.result.system.name)
    if papers is None or paired is None:
        return None
    order = "better than" if paired.high < 0 else "worse than" if paired.low > 0 else "not told apart from"
    text = (
        f"{_title(scores, 'default')} is {order} the better of the paper's two ({papers.result.system.title}): {_told(paired)}."
    )
    return Finding("note", text)


def _title(scores: BenchmarkScores, name: str) -> str:
    score = scores.of(name)
    return name if score is None else score.result.system.title


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _told(paired: PairedDifference) -> str:
    return f"difference {paired.difference:+.4f}, 95% interval {paired.low:+.4f} to {paired.high:+.4f}"
