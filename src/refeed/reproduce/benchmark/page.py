"""The benchmark as a section of the report: which system is best, by how much, for which users and items, at which cost."""

from __future__ import annotations

from refeed.data.splits.base import ColdCounts
from refeed.models import Ensemble
from refeed.reports.figures import interval_chart, line_chart
from refeed.reports.illustration import IllustratedSection, Illustration
from refeed.reports.page import Block, Facts, Findings, Section
from refeed.reproduce.benchmark.benchmark import QUESTION, BenchmarkResult
from refeed.reproduce.benchmark.findings import RULE, benchmark_findings
from refeed.reproduce.benchmark.statistics import BenchmarkScores
from refeed.reproduce.benchmark.systems import HAND_PICKED
from refeed.reproduce.benchmark.tables import (
    Kind,
    benchmark_table,
    cost_table,
    difference_table,
    rmse_of_slices,
    slice_table,
    slices_of,
    span_texts,
    trial_table,
    tuning_table,
)

MOST_CURVES = 6  # systems in the figures by slice
KINDS: tuple[Kind, ...] = ("user", "item")
RESCALED = (
    "Its members learn from ratings scaled to a common standard deviation, so that their penalties suit any rating scale; the "
    "networks and SVD++ among the other systems learn from the ratings themselves, with penalties picked for 1 to 5 stars."
)


def benchmark_section(scores: BenchmarkScores, *, name: str = "benchmark", title: str = "Benchmark") -> IllustratedSection:
    """The section of the benchmark and its figures."""
    errors, differences = _errors(scores, name), _differences(scores, name)
    by_slice = [chart for kind in KINDS if (chart := _by_slice(scores, name, kind)) is not None]
    compared: list[Block] = [] if differences is None else [differences.block(), difference_table(scores)]
    has_trials = any(result.trials for result in scores.benchmark.results)
    blocks: list[Block] = [
        _facts(scores),
        Findings(benchmark_findings(scores)),
        errors.block(),
        benchmark_table(scores),
        cost_table(scores),
        *compared,
        *(chart.block() for chart in by_slice),
        *(slice_table(scores, kind) for kind in KINDS),
        tuning_table(scores),
        *([trial_table(scores)] if has_trials else []),
    ]
    charts = [errors, *([] if differences is None else [differences]), *by_slice]
    return IllustratedSection(Section(title, _text(scores), blocks), charts)


def _text(scores: BenchmarkScores) -> str:
    benchmark = scores.benchmark
    seeds = "1 seed" if len(benchmark.seeds) == 1 else f"{len(benchmark.seeds)} seeds"
    paragraphs = [
        QUESTION,
        f"Budget {benchmark.scale.name}: {benchmark.scale.about}.",
        f"{_budget(benchmark)} fitted with {seeds}, and the test set read once for each fit. Predictions are clipped to the "
        "scale.",
        *_fewer_trials(benchmark),
        *_ensembles(benchmark),
        RULE,
    ]
    if benchmark.left_out:
        paragraphs.append("Left out: " + "; ".join(f"{title}, {reason}" for title, reason in benchmark.left_out.items()) + ".")
    return "\n\n".join(paragraphs)


def _budget(benchmark: BenchmarkResult) -> str:
    """How every system is tuned, and the beginning of the sentence on its final fits."""
    trials = benchmark.scale.trials
    if all(result.system.tunes_itself for result in benchmark.results):
        return "Every system was"
    settings = "1 setting" if trials == 1 else f"{trials} settings"
    text = f"Every system was tried with {settings} of its own on the validation set, with one seed."
    if trials > HAND_PICKED:
        text += (
            f" The first {HAND_PICKED} were hand-picked, the same for all ratings; the others were proposed by TPE, the search "
            "of refeed tune, which learns from the earlier trials."
        )
    return f"{text} The best one was then"


def _fewer_trials(benchmark: BenchmarkResult) -> list[str]:
    """Which systems had fewer trials than the budget allows."""
    trials = {result.system.title: len(result.trials) for result in benchmark.results if not result.system.tunes_itself}
    fewer = [f"{title} ({number})" for title, number in trials.items() if number < benchmark.scale.trials]
    return [f"Fewer, since the search proposed no further valid settings: {', '.join(fewer)}."] if fewer else []


def _ensembles(benchmark: BenchmarkResult) -> list[str]:
    """Of the systems that tune themselves: the number of settings that each member is tried in."""
    texts = []
    for result in benchmark.results:
        spec = result.system.candidates[0].spec
        if isinstance(spec, Ensemble):
            counts = ", ".join(str(len(member.variants)) for member in spec.members)
            texts.append(
                f"{result.system.title} is an ensemble, which tunes itself as a part of its training: its members are tried in "
                f"{counts} settings, on the same validation set. It is not tuned beyond that. {RESCALED}"
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


def _errors(scores: BenchmarkScores, name: str) -> Illustration:
    drawing = interval_chart(
        [score.result.system.title for score in scores.scores],
        [score.rmse for score in scores.scores],
        [score.rmse_interval.low for score in scores.scores],
        [score.rmse_interval.high for score in scores.scores],
        x_label="test RMSE, 95% interval",
    )
    alt = "; ".join(f"{score.result.system.title} {score.rmse:.4f}" for score in scores.scores)
    caption = (
        "Test RMSE, best first. The intervals are wide because users differ; compare systems by their paired differences below"
    )
    return Illustration(f"{name}-rmse", drawing, caption, alt)


def _differences(scores: BenchmarkScores, name: str) -> Illustration | None:
    """The differences to the best system; None where there is no other."""
    if not scores.differences_to_best:
        return None
    best, *others = (score.result.system.title for score in scores.scores)
    paired = [difference.paired for difference in scores.differences_to_best]
    drawing = interval_chart(
        others,
        [difference.difference for difference in paired],
        [difference.low for difference in paired],
        [difference.high for difference in paired],
        x_label=f"RMSE minus that of {best}, 95% interval",
        references={"no difference": 0.0},
    )
    alt = "; ".join(f"{title} {difference.difference:+.4f}" for title, difference in zip(others, paired, strict=True))
    return Illustration(f"{name}-differences", drawing, f"Paired difference to the best system, {best}", alt)


def _by_slice(scores: BenchmarkScores, name: str, kind: Kind) -> Illustration | None:
    """The errors of the best systems by activity or popularity; None where there is a single slice."""
    slices = slices_of(scores, kind)
    if len(slices.spans) < 2:
        return None
    numbers = list(range(1, len(slices.spans) + 1))
    shown = scores.scores[:MOST_CURVES]
    by_title = {score.result.system.title: rmse_of_slices(score, kind) for score in shown}
    drawing = line_chart(
        {title: (numbers, errors) for title, errors in by_title.items()},
        x_label=f"slice of the test ratings, rarest {kind}s first",
        y_label="RMSE",
    )
    alt = "; ".join(f"{title} from {errors[0]:.4f} to {errors[-1]:.4f}" for title, errors in by_title.items())
    which = f"the {len(shown)} best systems" if len(shown) > 1 else "the system"
    caption = f"RMSE by the number of training ratings of the {kind} ({', '.join(span_texts(slices))}), {which}"
    return Illustration(f"{name}-by-{kind}", drawing, caption, alt)
