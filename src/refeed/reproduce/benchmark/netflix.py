"""The paper's own table: the benchmark on its four splits of the Netflix Prize data."""

from __future__ import annotations

from collections.abc import Mapping

from refeed.reports.page import Cell, Section, Table
from refeed.reproduce.benchmark.statistics import BenchmarkScores

TITLES: Mapping[str, str] = {
    "full": "Netflix, whole set",
    "3-months": "Netflix, 3 months",
    "6-months": "Netflix, 6 months",
    "1-year": "Netflix, 1 year",
}


def netflix_section(benchmarks: Mapping[str, BenchmarkScores]) -> Section:
    """The paper's final table: a row per system, with our RMSE and the paper's for each split."""
    text = "Test RMSE on the paper's splits, beside the paper's where it reports the system."
    return Section("Netflix, all splits", text, [netflix_table(benchmarks)])


def netflix_table(benchmarks: Mapping[str, BenchmarkScores]) -> Table:
    """RMSE of each system on each split, beside the paper's."""
    results = [result for scores in benchmarks.values() for result in scores.benchmark.results]
    systems = {result.system.name: result.system for result in results}
    columns = ["system"]
    for name in benchmarks:
        columns += [name, "the paper"]
    rows: list[list[Cell]] = []
    for system in systems.values():
        row: list[Cell] = [system.title]
        for name, scores in benchmarks.items():
            score = scores.of(system.name)
            row += [None if score is None else score.rmse, system.published.get(name)]
        rows.append(row)
    return Table(columns, rows, caption="Test RMSE by split", align="l" + "r" * (len(columns) - 1))
