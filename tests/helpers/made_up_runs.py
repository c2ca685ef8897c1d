"""Outcomes of runs that nobody ran, with given errors, for findings, tables and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from refeed.data.splits.base import Split
from refeed.models import Bias
from refeed.reproduce.ablations.grid import Experiment, ExperimentResult, SettingResult
from refeed.reproduce.benchmark.benchmark import BenchmarkResult, SystemResult
from refeed.reproduce.benchmark.systems import HAND_PICKED, System, candidates
from refeed.reproduce.scales import SCALES, Scale
from refeed.runs.run import TEST_PREDICTIONS, Outcome, Run

TINY = SCALES["tiny"]
EPOCHS = 6


def outcome_of(
    run: Run,
    folder: Path = Path("nowhere"),
    *,
    train: Sequence[float] = (1.2, 1.0),
    valid: Sequence[float] = (1.3, 1.1),
    status: str = "finished",
) -> Outcome:
    """An outcome with these numbers after each epoch."""
    log = tuple(
        {"epoch": n, "train_rmse": t, "valid_rmse": v, "refeed_loss": None, "learning_rate": 0.1, "seconds": 0.5}
        for n, (t, v) in enumerate(zip(train, valid, strict=True), 1)
    )
    return Outcome(
        run=run,
        status=status,
        message="" if status == "finished" else "the loss is not a finite number",
        log=log,
        best_epoch=1 + int(np.argmin(valid)),
        valid_rmse=min(valid),
        parameters=1000 if status == "finished" else 0,
        seconds=0.5 * len(log),
        peak_memory=300 << 20,
        threads=1,
        folder=folder / run.fingerprint("made up"),
    )


def experiment_result(
    experiment: Experiment,
    numbers: Mapping[str, Mapping[str, float]] | None = None,
    *,
    scale: Scale = TINY,
    seeds: int = 2,
    spread: float = 0.0002,
    diverged: Sequence[str] = (),
) -> ExperimentResult:
    """A result whose settings, by label, have this `final_train`, `final_valid` and `best_valid`; else all the same."""
    rows = []
    for setting in experiment.grid(scale, range(seeds)):
        errors = {"final_train": 0.9, "final_valid": 1.0, "best_valid": 1.0, **(numbers or {}).get(setting.label, {})}
        outcomes = []
        for number, run in enumerate(setting.runs):
            shift = spread * number
            best, final = errors["best_valid"], errors["final_valid"]
            valid = [best + 0.3, best + 0.1, best, *np.linspace(best, max(best, final), EPOCHS - 3)]
            train = errors["final_train"] + 0.4 * np.exp(-np.arange(EPOCHS)[::-1] / 10)[::-1] - 0.4 * np.exp(-(EPOCHS - 1) / 10)
            status = "diverged" if setting.label in diverged else "finished"
            outcomes.append(outcome_of(run, train=train + shift, valid=np.add(valid, shift), status=status))
        rows.append(SettingResult(setting, tuple(outcomes)))
    return ExperimentResult(experiment, tuple(rows))


def system_named(name: str, **options) -> System:
    """A system with guesses."""
    steps = [f"user_regularisation={10 + n}" for n in range(HAND_PICKED - 1)]
    return System(name, name.upper(), "competitor", candidates(Bias(), *steps), **options)


def benchmark_result(
    split: Split, folder: Path, errors: Mapping[str, float | None], *, seeds: int = 2, scale: Scale = TINY, **options
) -> BenchmarkResult:
    """A benchmark whose systems, by name, have about this RMSE; None: all trials of the system diverged."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=len(split.test))
    results = []
    for name, size in errors.items():
        system = system_named(name, **options)
        tried = system.candidates[: scale.trials]
        status = "diverged" if size is None else "finished"
        trials = tuple(
            outcome_of(Run(f"{name}/trial {n}", candidate.spec, candidate.options, 0), folder / name, status=status)
            for n, candidate in enumerate(tried, 1)
        )
        finals = []
        for seed in range(seeds) if size is not None else ():
            run = Run(f"{name}/seed {seed}", tried[0].spec, tried[0].options, seed, reads_test=True)
            outcome = outcome_of(run, folder / name)
            outcome.folder.mkdir(parents=True)
            wrong = size * (noise + 0.1 * rng.normal(size=len(noise)))
            np.save(outcome.folder / TEST_PREDICTIONS, (split.test.values + wrong).astype(np.float32))
            finals.append(outcome)
        results.append(SystemResult(system, tried, trials, None if size is None else 0, tuple(finals)))
    return BenchmarkResult(split, scale, tuple(range(seeds)), tuple(results), {})
