"""The benchmark as a section of the report: which system is best, by how much, for whom, and what it took."""

from __future__ import annotations

from refeed.data.splits.base import ColdCounts
from refeed.data.splits.time import NetflixSplit
from refeed.metrics.intervals import Interval
from refeed.models import Ensemble
from refeed.reports.figures import interval_chart, line_chart
from refeed.reports.illustration import IllustratedSection, Illustration
from refeed.reports.page import Block, Cell, Facts, Findings, Section, Table
from refeed.reproduce.benchmark.benchmark import QUESTION, BenchmarkResult, SystemResult
from refeed.reproduce.benchmark.findings import RULE, benchmark_findings
from refeed.reproduce.benchmark.statistics import RESAMPLES, BenchmarkScores, Slices, SystemScore
from refeed.reproduce.benchmark.systems import GROUPS, GUESSES
from refeed.runs.run import Outcome

MOST_CURVES = 6  # systems in the figures of slices
FIRST = "its first settings"
UNITS = (
    "Its members learn from ratings in units of their spread, so that their penalties suit any scale; the networks and SVD++ "
    "among the other systems learn from ratings as they are, with penalties that were guessed for stars from 1 to 5."
)


def benchmark_part(scores: BenchmarkScores, *, name: str = "benchmark", title: str = "Benchmark") -> IllustratedSection:
    """The section of the benchmark and its figures."""
    illustrations = [_intervals(scores, name), *_differences(scores, name), *_slice_figures(scores, name)]
    figures = {one.name: one.block() for one in illustrations}
    blocks: list[Block] = [
        _facts(scores),
        Findings([(one.verdict, one.text) for one in benchmark_findings(scores)]),
        figures[f"{name}-rmse"],
        benchmark_table(scores),
        cost_table(scores),
        *(figures[key] for key in [f"{name}-differences"] if key in figures),
        *([difference_table(scores)] if scores.to_best else []),
        *(figures[key] for key in figures if key.startswith(f"{name}-by")),
        slice_table(scores, scores.activity, "user"),
        slice_table(scores, scores.popularity, "item"),
        tuning_table(scores),
        *([trial_table(scores)] if any(one.trials for one in scores.benchmark.results) else []),
    ]
    return IllustratedSection(Section(title, _text(scores), blocks), illustrations)


def _title_with_losses(result: SystemResult) -> str:
    """The system's title, with how many of its final runs count where some diverged."""
    counted, runs = len(result.tested), len(result.finals)
    return result.system.title if counted == runs else f"{result.system.title} ({counted} of {runs} seeds, others diverged)"


def benchmark_table(scores: BenchmarkScores) -> Table:
    """Errors of each system, best first."""
    seeds = len(scores.benchmark.seeds)
    rows: list[list[Cell]] = [
        [
            _title_with_losses(one.result),
            GROUPS[one.result.system.group],
            one.rmse,
            interval_text(one.rmse_interval),
            None if one.spread is None else f"{one.spread:.4f}",
            one.mae,
            interval_text(one.mae_interval),
            one.rmse_unclipped,
            *_published(scores, one),
        ]
        for one in scores.scores
    ]
    columns = ["system", "from", "RMSE", "95% interval", "spread", "MAE", "95% interval", "unclipped RMSE"]
    columns += ["the paper (Netflix)"] if _netflix_split(scores) else []
    caption = (
        f"{len(scores.benchmark.split.test):,} test ratings, {seeds} {'seed' if seeds == 1 else 'seeds'} each; intervals by "
        "bootstrap over users; spread: standard deviation of the RMSE over the seeds"
    )
    return Table(columns, rows, caption=caption, align="ll" + "r" * (len(columns) - 2))


def cost_table(scores: BenchmarkScores) -> Table:
    """What each system took."""
    rows: list[list[Cell]] = [
        [
            one.result.system.title,
            f"{one.seconds:,.1f}",
            len(one.result.trials),
            f"{one.result.tuning_seconds:,.0f}",
            one.parameters or None,
            f"{one.peak_memory / 2**20:,.0f}",
            one.result.tested[0].threads,
        ]
        for one in scores.scores
    ]
    columns = ["system", "training, s", "trials", "tuning, s", "weights", "peak memory, MiB", "threads"]
    caption = "Training: mean over the seeds, with validation. Memory: of the whole process, PyTorch and the ratings included"
    return Table(columns, rows, caption=caption, align="lrrrrrr")


def difference_table(scores: BenchmarkScores) -> Table:
    """Each system less the best one."""
    best = scores.scores[0].result.system.title
    titles = {one.result.system.name: one.result.system.title for one in scores.scores}
    rows: list[list[Cell]] = [
        [
            titles[one.name],
            f"{one.paired.difference:+.4f}",
            f"{one.paired.low:+.4f} to {one.paired.high:+.4f}",
            _p_text(one.paired.p_value),
            _p_text(one.adjusted),
        ]
        for one in scores.to_best
    ]
    tests = f"p corrected for {len(rows)} tests (Holm)"
    caption = f"RMSE less that of the best, {best}: paired, {RESAMPLES:,} resamples of users; {tests}"
    return Table(["system", "difference", "95% interval", "p", "p corrected"], rows, caption=caption, align="lrrrr")


def slice_table(scores: BenchmarkScores, cut: Slices, of: str) -> Table:
    """RMSE of each system on test ratings of rarely to often seen users or items."""
    rows: list[list[Cell]] = [["test ratings", *cut.ratings]]
    rows += [[one.result.system.title, *_of(one, of)] for one in scores.scores]
    columns = ["training ratings of the " + of, *(_span(*span) for span in cut.spans)]
    caption = f"RMSE by how often the {of} occurs in training"
    return Table(columns, rows, caption=caption, align="l" + "r" * len(cut.spans))


def tuning_table(scores: BenchmarkScores) -> Table:
    """The trials of each system by validation RMSE, and what was chosen."""
    rows: list[list[Cell]] = []
    for result in scores.benchmark.results:
        trials = ", ".join(_trial(one) for one in result.trials) or "its own"
        chosen = "none" if result.chosen is None else result.tried[result.chosen].change or FIRST
        rows.append([result.system.title, chosen, trials])
    caption = (
        "Tuning on the validation part: what was chosen (against the system's first settings), and the RMSE of every trial"
    )
    return Table(["system", "chosen", "validation RMSE of the trials"], rows, caption=caption, align="lll")


def trial_table(scores: BenchmarkScores) -> Table:
    """All settings that the systems were tuned over, in the order in which they were tried."""
    rows: list[list[Cell]] = [
        [result.system.title, number, one.change or FIRST, _trial(outcome)]
        for result in scores.benchmark.results
        for number, (one, outcome) in enumerate(zip(result.tried, result.trials, strict=False), 1)
    ]
    proposed = f"; from trial {GUESSES + 1} on they were proposed by TPE" if scores.benchmark.scale.trials > GUESSES else ""
    caption = f"Every trial: what it had other than the system's first settings, and its validation RMSE{proposed}"
    return Table(["system", "trial", "settings", "validation RMSE"], rows, caption=caption, align="lrlr")


def _trial(outcome: Outcome) -> str:
    is_number = outcome.status == "finished" and outcome.valid_rmse is not None
    return f"{outcome.valid_rmse:.4f}" if is_number else "diverged"


def interval_text(ends: Interval) -> str:
    """Its two ends."""
    return f"{ends.low:.4f}–{ends.high:.4f}"


def _text(scores: BenchmarkScores) -> str:
    benchmark = scores.benchmark
    seeds = "1 seed" if len(benchmark.seeds) == 1 else f"{len(benchmark.seeds)} seeds"
    paragraphs = [
        QUESTION,
        f"Budget {benchmark.scale.name}: {benchmark.scale.about}.",
        f"{_budget(benchmark)} fitted with {seeds}, and the test part read once for each. Predictions are clipped to the "
        "scale.",
        *_fewer(benchmark),
        *_own_tuning(benchmark),
        RULE,
    ]
    if benchmark.left_out:
        paragraphs.append("Left out: " + "; ".join(f"{title}, {reason}" for title, reason in benchmark.left_out.items()) + ".")
    return "\n\n".join(paragraphs)


def _budget(benchmark: BenchmarkResult) -> str:
    """What every system is tuned over, in a sentence or two, and the beginning of what was done then."""
    trials = benchmark.scale.trials
    if all(one.system.tunes_itself for one in benchmark.results):
        return "Every system was"
    settings = "1 setting" if trials == 1 else f"{trials} settings"
    text = f"Every system was tried with {settings} of its own on the validation part, with one seed."
    if trials > GUESSES:
        text += (
            f" The first {GUESSES} were guessed by hand, the same for all ratings; the others were proposed by TPE, the "
            "search of refeed tune, which learns from the trials before."
        )
    return f"{text} The best one was then"


def _fewer(benchmark: BenchmarkResult) -> list[str]:
    """Which systems were tried with fewer settings."""
    tried = {one.system.title: len(one.trials) for one in benchmark.results if not one.system.tunes_itself}
    fewer = [f"{title} ({number})" for title, number in tried.items() if number < benchmark.scale.trials]
    return [f"Fewer, since the search proposed nothing else that they take: {', '.join(fewer)}."] if fewer else []


def _own_tuning(benchmark: BenchmarkResult) -> list[str]:
    """Of the systems that tune themselves: how many settings each of their members is tried in."""
    texts = []
    for result in benchmark.results:
        spec = result.system.candidates[0].spec
        if isinstance(spec, Ensemble):
            counts = ", ".join(str(len(member.variants)) for member in spec.members)
            texts.append(
                f"{result.system.title} is an ensemble, which tunes itself as a part of its training: its members are tried in "
                f"{counts} settings, on the same validation part. It is not tuned beyond that. {UNITS}"
            )
    return texts


def _facts(scores: BenchmarkScores) -> Facts:
    split = scores.benchmark.split
    cold = split.cold.get("test", ColdCounts(0, 0, 0))
    return Facts(
        [
            ("training ratings", len(split.train)),
            ("validation ratings", len(split.valid)),
            ("test ratings", len(split.test)),
            ("test users", int((split.test.user_counts > 0).sum())),
            ("cold test ratings, not scored", cold.ratings),
            ("cold users, items", f"{cold.users:,}, {cold.items:,}"),
        ]
    )


def _intervals(scores: BenchmarkScores, name: str) -> Illustration:
    drawing = interval_chart(
        [one.result.system.title for one in scores.scores],
        [one.rmse for one in scores.scores],
        [one.rmse_interval.low for one in scores.scores],
        [one.rmse_interval.high for one in scores.scores],
        x_label="test RMSE, 95% interval",
    )
    alt = "; ".join(f"{one.result.system.title} {one.rmse:.4f}" for one in scores.scores)
    caption = "Test RMSE, best first. Users are drawn, so intervals are wide; compare systems by their paired differences below"
    return Illustration(f"{name}-rmse", drawing, caption, alt)


def _differences(scores: BenchmarkScores, name: str) -> list[Illustration]:
    if not scores.to_best:
        return []
    titles = [one.result.system.title for one in scores.scores[1:]]
    paired = [one.paired for one in scores.to_best]
    drawing = interval_chart(
        titles,
        [one.difference for one in paired],
        [one.low for one in paired],
        [one.high for one in paired],
        x_label=f"RMSE less that of {scores.scores[0].result.system.title}, 95% interval",
        references={"no difference": 0.0},
    )
    alt = "; ".join(f"{title} {one.difference:+.4f}" for title, one in zip(titles, paired, strict=True))
    caption = f"Paired difference to the best system, {scores.scores[0].result.system.title}"
    return [Illustration(f"{name}-differences", drawing, caption, alt)]


def _slice_figures(scores: BenchmarkScores, name: str) -> list[Illustration]:
    found = []
    for of, cut in (("user", scores.activity), ("item", scores.popularity)):
        if len(cut.spans) < 2:
            continue
        places = list(range(1, len(cut.spans) + 1))
        shown = scores.scores[:MOST_CURVES]
        series = {one.result.system.title: (places, _of(one, of)) for one in shown}
        drawing = line_chart(series, x_label=f"slices of test ratings, {of}s rarest in training first", y_label="RMSE")
        alt = "; ".join(f"{title} from {values[0]:.4f} to {values[-1]:.4f}" for title, (_, values) in series.items())
        spans = ", ".join(_span(*span) for span in cut.spans)
        which = f"the {len(shown)} best systems" if len(shown) > 1 else "the system"
        caption = f"RMSE by the number of training ratings of the {of} ({spans}), {which}"
        found.append(Illustration(f"{name}-by-{of}", drawing, caption, alt))
    return found


def _of(one: SystemScore, of: str) -> tuple[float, ...]:
    return one.rmse_by_activity if of == "user" else one.rmse_by_popularity


def _published(scores: BenchmarkScores, one: SystemScore) -> list[Cell]:
    split = _netflix_split(scores)
    return [one.result.system.published.get(split)] if split else []


def _netflix_split(scores: BenchmarkScores) -> str:
    """Name of the paper's split, empty where it is another one."""
    splitter = scores.benchmark.split.splitter
    return splitter.name if isinstance(splitter, NetflixSplit) else ""


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _p_text(p: float) -> str:
    return f"{p:.4f}" if p >= 1e-4 else "< 0.0001"
