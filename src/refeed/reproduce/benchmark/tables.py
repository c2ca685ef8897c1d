"""The tables of the benchmark: errors, cost, differences to the best, errors by slice, and tuning."""

from __future__ import annotations

from typing import Literal

from refeed.data.splits.time import NetflixSplit
from refeed.metrics.intervals import Interval
from refeed.reports.page import Cell, Table
from refeed.reproduce.benchmark.benchmark import SystemResult
from refeed.reproduce.benchmark.statistics import RESAMPLES, BenchmarkScores, Slices, SystemScore
from refeed.reproduce.benchmark.systems import GROUPS, HAND_PICKED
from refeed.runs.run import Outcome

FIRST = "its first settings"

Kind = Literal["user", "item"]
"""Whether slices are by the number of training ratings of the user (activity) or of the item (popularity)."""


def benchmark_table(scores: BenchmarkScores) -> Table:
    """The errors of each system, best first."""
    seeds = len(scores.benchmark.seeds)
    rows: list[list[Cell]] = [
        [
            _title_with_losses(score.result),
            GROUPS[score.result.system.group],
            score.rmse,
            _interval(score.rmse_interval),
            None if score.deviation is None else f"{score.deviation:.4f}",
            score.mae,
            _interval(score.mae_interval),
            score.rmse_unclipped,
            *_published(scores, score),
        ]
        for score in scores.scores
    ]
    columns = ["system", "from", "RMSE", "95% interval", "std of seeds", "MAE", "95% interval", "unclipped RMSE"]
    columns += ["the paper (Netflix)"] if _netflix_split(scores) else []
    caption = (
        f"{len(scores.benchmark.split.test):,} test ratings, {seeds} {'seed' if seeds == 1 else 'seeds'} each; intervals by "
        "bootstrap over users; std of seeds: standard deviation of the RMSE over the seeds"
    )
    return Table(columns, rows, caption=caption, align="ll" + "r" * (len(columns) - 2))


def cost_table(scores: BenchmarkScores) -> Table:
    """Time, memory and size of each system."""
    rows: list[list[Cell]] = [
        [
            score.result.system.title,
            f"{score.seconds:,.1f}",
            len(score.result.trials),
            f"{score.result.tuning_seconds:,.0f}",
            score.parameters or None,
            f"{score.peak_memory / 2**20:,.0f}",
            score.result.tested[0].threads,
        ]
        for score in scores.scores
    ]
    columns = ["system", "training, s", "trials", "tuning, s", "parameters", "peak memory, MiB", "threads"]
    caption = "Training: mean over the seeds, with validation. Memory: of the whole process, PyTorch and the ratings included"
    return Table(columns, rows, caption=caption, align="lrrrrrr")


def difference_table(scores: BenchmarkScores) -> Table:
    """Each system compared with the best one."""
    best = scores.scores[0].result.system.title
    titles = {score.result.system.name: score.result.system.title for score in scores.scores}
    rows: list[list[Cell]] = [
        [
            titles[other.name],
            f"{other.paired.difference:+.4f}",
            f"{other.paired.low:+.4f} to {other.paired.high:+.4f}",
            _p_text(other.paired.p_value),
            _p_text(other.adjusted),
        ]
        for other in scores.differences_to_best
    ]
    tests = f"p corrected for {len(rows)} tests (Holm)"
    caption = f"RMSE minus that of the best, {best}: paired, {RESAMPLES:,} bootstrap resamples of users; {tests}"
    return Table(["system", "difference", "95% interval", "p", "p corrected"], rows, caption=caption, align="lrrrr")


def slice_table(scores: BenchmarkScores, kind: Kind) -> Table:
    """RMSE of each system by the number of training ratings of the user or item."""
    of_kind = slices_of(scores, kind)
    rows: list[list[Cell]] = [["test ratings", *of_kind.ratings]]
    rows += [[score.result.system.title, *rmse_of_slices(score, kind)] for score in scores.scores]
    columns = [f"training ratings of the {kind}", *span_texts(of_kind)]
    caption = f"RMSE by the number of training ratings of the {kind}"
    return Table(columns, rows, caption=caption, align="l" + "r" * len(of_kind.spans))


def tuning_table(scores: BenchmarkScores) -> Table:
    """The trials of each system by validation RMSE, and the settings that were chosen."""
    rows: list[list[Cell]] = []
    for result in scores.benchmark.results:
        trials = ", ".join(map(_rmse_of_trial, result.trials)) or "its own"
        chosen = "none" if result.chosen is None else result.tried[result.chosen].change or FIRST
        rows.append([result.system.title, chosen, trials])
    caption = "Tuning on the validation set: the chosen settings (against the system's first ones), and the RMSE of every trial"
    return Table(["system", "chosen", "validation RMSE of the trials"], rows, caption=caption, align="lll")


def trial_table(scores: BenchmarkScores) -> Table:
    """All settings that the systems were tuned over, in the order in which they were tried."""
    rows: list[list[Cell]] = [
        [result.system.title, number, candidate.change or FIRST, _rmse_of_trial(outcome)]
        for result in scores.benchmark.results
        for number, (candidate, outcome) in enumerate(zip(result.tried, result.trials, strict=False), 1)
    ]
    searches = scores.benchmark.scale.trials > HAND_PICKED
    proposed = f"; from trial {HAND_PICKED + 1} on they were proposed by TPE" if searches else ""
    caption = f"Every trial: its difference from the system's first settings, and its validation RMSE{proposed}"
    return Table(["system", "trial", "settings", "validation RMSE"], rows, caption=caption, align="lrlr")


def slices_of(scores: BenchmarkScores, kind: Kind) -> Slices:
    """The slices by activity of the users or by popularity of the items."""
    return scores.activity if kind == "user" else scores.popularity


def rmse_of_slices(score: SystemScore, kind: Kind) -> tuple[float, ...]:
    """The RMSE of a system on each of the slices."""
    return score.rmse_by_activity if kind == "user" else score.rmse_by_popularity


def span_texts(slices: Slices) -> list[str]:
    """The numbers of training ratings of each slice."""
    return [f"{low:,}" if low == high else f"{low:,}–{high:,}" for low, high in slices.spans]


def _title_with_losses(result: SystemResult) -> str:
    """The system's title, with the number of its final runs that count where some diverged."""
    counted, runs = len(result.tested), len(result.finals)
    return result.system.title if counted == runs else f"{result.system.title} ({counted} of {runs} seeds, others diverged)"


def _rmse_of_trial(outcome: Outcome) -> str:
    if outcome.status != "finished" or outcome.valid_rmse is None:
        return "diverged"
    return f"{outcome.valid_rmse:.4f}"


def _interval(ends: Interval) -> str:
    return f"{ends.low:.4f}–{ends.high:.4f}"


def _published(scores: BenchmarkScores, score: SystemScore) -> list[Cell]:
    split = _netflix_split(scores)
    return [score.result.system.published.get(split)] if split else []


def _netflix_split(scores: BenchmarkScores) -> str:
    """Name of the paper's split; empty for other splits."""
    splitter = scores.benchmark.split.splitter
    return splitter.name if isinstance(splitter, NetflixSplit) else ""


def _p_text(p: float) -> str:
    return f"{p:.4f}" if p >= 1e-4 else "< 0.0001"
