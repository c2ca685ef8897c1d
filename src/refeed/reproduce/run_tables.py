"""All runs of a report as CSV: a row per run, and a row per epoch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from refeed.reproduce.ablations.grid import ExperimentResult, measured
from refeed.reproduce.benchmark.benchmark import SystemResult
from refeed.reproduce.benchmark.statistics import BenchmarkScores
from refeed.runs.run import Outcome

RUN_COLUMNS = (
    "experiment", "setting", "role", "seed", "status", "best_epoch", "epochs", "best_valid_rmse", "final_valid_rmse",
    "final_train_rmse", "test_rmse", "parameters", "seconds", "peak_memory", "threads", "name", "fingerprint", "model",
    "training", "message",
)  # fmt: skip
EPOCH_COLUMNS = (
    "experiment", "setting", "role", "seed", "epoch", "train_rmse", "valid_rmse", "refeed_loss", "learning_rate", "seconds",
    "fingerprint",
)  # fmt: skip

Record = Mapping[str, Any]


def run_records(
    results: Iterable[ExperimentResult], benchmarks: Mapping[str, BenchmarkScores]
) -> list[tuple[dict[str, Any], Outcome]]:
    """The row of runs.csv for each run, with the outcome of the run."""
    return [*_of_ablations(results), *_of_benchmarks(benchmarks)]


def runs_csv(records: Sequence[tuple[Record, Outcome]]) -> str:
    """A row per run."""
    return _csv(RUN_COLUMNS, [record for record, _ in records])


def epochs_csv(records: Sequence[tuple[Record, Outcome]]) -> str:
    """A row per epoch of each run."""
    return _csv(EPOCH_COLUMNS, [{**record, **epoch} for record, outcome in records for epoch in outcome.log])


def _of_ablations(results: Iterable[ExperimentResult]) -> Iterator[tuple[dict[str, Any], Outcome]]:
    for result in results:
        for row in result.rows:
            role = "control" if row.setting.is_control else "paper"
            for outcome in row.outcomes:
                yield _record(outcome, experiment=result.experiment.name, setting=row.setting.label, role=role), outcome


def _of_benchmarks(benchmarks: Mapping[str, BenchmarkScores]) -> Iterator[tuple[dict[str, Any], Outcome]]:
    for name, scores in benchmarks.items():
        tested = {
            outcome.folder: rmse
            for score in scores.scores
            for outcome, rmse in zip(score.result.tested, score.rmse_of_seeds, strict=True)
        }
        for result in scores.benchmark.results:
            for role, outcome in _roles(result):
                record = _record(outcome, experiment=name, setting=result.system.title, role=role)
                yield {**record, "test_rmse": tested.get(outcome.folder)}, outcome


def _roles(result: SystemResult) -> Iterator[tuple[str, Outcome]]:
    for number, outcome in enumerate(result.trials, 1):
        yield f"trial {number}", outcome
    for outcome in result.finals:
        yield "final", outcome


def _record(outcome: Outcome, **where: str) -> dict[str, Any]:
    described = outcome.run.to_dict()
    return {
        **where,
        "seed": outcome.run.seed,
        "status": outcome.status,
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.log),
        "best_valid_rmse": measured(outcome, "best_valid"),
        "final_valid_rmse": measured(outcome, "final_valid"),
        "final_train_rmse": measured(outcome, "final_train"),
        "parameters": outcome.parameters,
        "seconds": round(outcome.seconds, 3),
        "peak_memory": outcome.peak_memory,
        "threads": outcome.threads,
        "name": outcome.run.name,
        "fingerprint": outcome.folder.name,
        "model": json.dumps(described["model"]),
        "training": json.dumps(described["training"]),
        "message": outcome.message,
    }


def _csv(columns: Sequence[str], records: Iterable[Record]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
