"""The report of the paper's experiments: one HTML file, its figures as PNG and SVG, its runs as CSV, and a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from refeed.config import to_dict
from refeed.data.splits.base import Split
from refeed.reports.illustration import IllustratedSection
from refeed.reports.page import Code, Facts, Finding, Findings, Page, Section, render
from refeed.reproduce.ablations.claims import RULE
from refeed.reproduce.ablations.findings import findings
from refeed.reproduce.ablations.grid import ExperimentResult
from refeed.reproduce.ablations.page import ablation_section
from refeed.reproduce.benchmark.findings import benchmark_findings
from refeed.reproduce.benchmark.netflix import TITLES, netflix_section
from refeed.reproduce.benchmark.page import benchmark_section
from refeed.reproduce.benchmark.statistics import BenchmarkScores
from refeed.reproduce.run_tables import epochs_csv, run_records, runs_csv
from refeed.reproduce.scales import Scale
from refeed.runs.manifest import Circumstances, machine_text, manifest
from refeed.runs.run import Outcome
from refeed.storage import atomic_folder
from refeed.version import __version__

FOLDER, PAGE, MANIFEST, FIGURES = "report", "report.html", "manifest.json", "figures"


def write_report(
    results: Sequence[ExperimentResult],
    folder: Path,
    *,
    split: Split,
    scale: Scale,
    circumstances: Circumstances,
    benchmarks: Mapping[str, BenchmarkScores] | None = None,
) -> Path:
    """Write the report into `folder`/report, complete or not at all; an earlier report is replaced.

    Args:
        results: of the ablations, in the order of the page.
        folder: of the experiments.
        split: the ratings of `results`.
        scale: the budget.
        circumstances: the command, its source of ratings, its time and its machine.
        benchmarks: scores by name: "benchmark", or each of the paper's Netflix splits; default: none.

    Returns:
        the HTML file.

    Raises:
        ConfigError: the `report` extra is not installed.
        StorageError: the folder cannot be written, or its place is taken by something else.
    """
    benchmarks = benchmarks or {}
    sections = _sections(results, benchmarks)
    records = run_records(results, benchmarks)
    outcomes = [outcome for _, outcome in records]
    page = Page(
        f"The paper's experiments on {circumstances.source}",
        "Kuchaiev & Ginsburg (2017), “Training Deep AutoEncoders for Collaborative Filtering”, repeated with refeed",
        [
            _summary(results, benchmarks, split),
            *(section.section for section in sections),
            _protocol(circumstances, scale, outcomes),
        ],
        f"refeed {__version__} · split {split.fingerprint} · {machine_text()}",
    )
    others = [scores.benchmark.split for scores in benchmarks.values() if scores.benchmark.split is not split]
    with atomic_folder(folder / FOLDER, overwrite=True, marker=MANIFEST) as written:
        (written / PAGE).write_text(render(page), encoding="utf-8")
        (written / "runs.csv").write_text(runs_csv(records), encoding="utf-8")
        (written / "epochs.csv").write_text(epochs_csv(records), encoding="utf-8")
        described = manifest(circumstances, to_dict(scale), [split, *others], outcomes)
        (written / MANIFEST).write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        (written / FIGURES).mkdir()
        for illustration in (chart for section in sections for chart in section.illustrations):
            illustration.save(written / FIGURES)
    return folder / FOLDER / PAGE


def _sections(results: Sequence[ExperimentResult], benchmarks: Mapping[str, BenchmarkScores]) -> list[IllustratedSection]:
    sections = [ablation_section(result) for result in results]
    if len(benchmarks) > 1:
        sections.append(IllustratedSection(netflix_section(benchmarks), ()))
    for name, scores in benchmarks.items():
        title = f"Benchmark: {TITLES[name]}" if name in TITLES else "Benchmark"
        sections.append(benchmark_section(scores, name=f"benchmark-{name}" if name in TITLES else name, title=title))
    return sections


def _summary(results: Sequence[ExperimentResult], benchmarks: Mapping[str, BenchmarkScores], split: Split) -> Section:
    """The ratings, and the main finding of each experiment."""
    facts = Facts(
        [
            ("users", split.train.num_users),
            ("items", split.train.num_items),
            ("training ratings", len(split.train)),
            ("validation ratings", len(split.valid)),
            ("test ratings", len(split.test)),
        ]
    )
    found = [
        Finding(finding.verdict, f"{result.experiment.title}: {finding.text}")
        for result in results
        for finding in findings(result)[:1]
    ]
    found += [finding for scores in benchmarks.values() for finding in benchmark_findings(scores)]
    text = f"What the paper shows on Netflix, and whether it holds here. {RULE}"
    return Section("Summary", text, [facts, Findings(found)])


def _protocol(circumstances: Circumstances, scale: Scale, outcomes: Sequence[Outcome]) -> Section:
    """Budget, time, machine and files."""
    runs = {outcome.folder: outcome for outcome in outcomes}
    facts = Facts(
        [
            ("runs", len(runs)),
            ("hours of training", f"{sum(outcome.seconds for outcome in runs.values()) / 3600:.2f}"),
            ("runs at a time", circumstances.workers),
            ("threads in all", circumstances.threads),
        ]
    )
    budget = (
        f"Budget “{scale.name}”: {scale.epochs} epochs for networks, the paper's widths divided by {scale.width_divisor}, "
        f"batches of {scale.batch_size}, the paper's learning rates times {scale.learning_rate_factor:g}."
    )
    when = (
        f"Started on {circumstances.began:%Y-%m-%d at %H:%M %Z}; this call took {circumstances.seconds / 60:.1f} minutes on "
        f"{machine_text()}."
    )
    files = (
        "Beside this file: runs.csv (a row per run), epochs.csv (a row per epoch), the figures as PNG and SVG, and "
        "manifest.json with versions, seeds and fingerprints."
    )
    return Section("Protocol", f"{budget} {when}\n\n{files}", [facts, Code(circumstances.command)])
