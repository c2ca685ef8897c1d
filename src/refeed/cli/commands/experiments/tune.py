"""`refeed tune`: a search of a model's options on the validation set."""

from __future__ import annotations

import shlex
import sys
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refeed.cli.console import remarks, results, say
from refeed.cli.option_groups import Data, takes_options
from refeed.cli.outputs import require_experiment_folder, require_report_packages
from refeed.cli.reading import ReadingOptions, read, source_of
from refeed.cli.splitting import SplittingOptions, split
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.splits.base import Split
    from refeed.models import Spec
    from refeed.optim.options import TrainingOptions
    from refeed.runs.manifest import Circumstances
    from refeed.tuning.search_spaces import Space
    from refeed.tuning.tune import Tuning

MOST_ROWS = 8  # of the table in the terminal


class Sampler(StrEnum):
    """How the next settings are drawn; see `experiments.tuning_proposals`."""

    tpe = "tpe"
    random = "random"


@takes_options
def tune_command(
    data: Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the report, the best settings and the runs, which are done once.")
    ],
    model: Annotated[
        str | None,
        typer.Option(help="Kind of model (`refeed models` lists them), no ensemble; default: that of --preset or --config."),
    ] = None,
    preset: Annotated[str, typer.Option(help="Ready settings to start from; see `refeed presets`.")] = "autoencoder",
    config: Annotated[
        Path | None, typer.Option(help="TOML or JSON with the sections model and training to start from; over the preset.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="key=value to start from, over preset and config; it stays so unless --vary names it. May be repeated.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="Option and its range: key=low..high, key=low..high:log or key=a|b|c; default: those of the kind of model. "
            "May be repeated."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Settings to try; default: 20, or as many as there is time for with --minutes.", min=1)
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="No trial begins after so many minutes of this call.")] = None,
    sampler: Annotated[Sampler, typer.Option(help="tpe: learns from the trials before; random: draws evenly.")] = Sampler.tpe,
    seed: Annotated[int, typer.Option(help="Seed of the search and of its runs.")] = 0,
    threads: Annotated[int | None, typer.Option(help="CPU threads in all; default: all cores.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Trials at a time, which share the threads; default: one a thread.", min=1)
    ] = None,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Search the options of a model on the validation set, and write the best ones as a file for `refeed train --config`.

    The first trial is what the search starts from, so the best is never worse. The test part is not looked at. Trials are kept
    in the output folder: the same command goes on where it was stopped, and more --trials go on from fewer.
    """
    from refeed.cli.settings import resolve
    from refeed.reports.extras import import_extra
    from refeed.runs.manifest import Circumstances
    from refeed.runtime import available_cpus
    from refeed.tuning.files import require_same_search
    from refeed.tuning.search_spaces import require_tunable
    from refeed.tuning.tune import TRIALS, tune

    began, threads = datetime.now().astimezone(), threads or available_cpus()
    import_extra("optuna", extra="tune")
    require_report_packages()
    spec, options = resolve(
        preset_name=preset, config_file=config, settings=set_ or [], model_kind=model, default_preset="autoencoder"
    )
    require_tunable(spec)
    space = _space(spec, options, vary or [], set_ or [])
    require_experiment_folder(output)
    source, splitter = source_of(data), splitting.requested()
    ratings = read(source, reading, labels=splitting.labels)
    parts = split(ratings, splitter or splitting.default_for(ratings))
    require_same_search(output, _search(spec, options, space, parts, sampler=sampler.value, seed=seed))
    say(f"varied: {', '.join(f'{name}={choice}' for name, choice in space.items())}")
    workers = workers or threads
    tuning = tune(
        spec,
        options,
        parts,
        output,
        space=space,
        trials=TRIALS if trials is None and minutes is None else trials,
        minutes=minutes,
        sampler=sampler.value,
        seed=seed,
        workers=workers,
        threads=threads,
        progress=ConsoleProgress(remarks()),
    )
    seconds = (datetime.now().astimezone() - began).total_seconds()
    command = shlex.join(["refeed", *sys.argv[1:]])
    circumstances = Circumstances(source.name, command, began, seconds, workers=workers, threads=threads)
    following = _next_command(data, output, seed, reading, splitting)
    _finish(tuning, output, following, parts=parts, circumstances=circumstances)


def _search(spec: Spec, options: TrainingOptions, space: Space, parts: Split, *, sampler: str, seed: int) -> dict[str, Any]:
    """What makes a search what it is, by names for people."""
    from refeed.config import to_dict

    return {
        "ratings or split": parts.fingerprint,
        "model": spec.kind,
        "settings to start from": [to_dict(spec), to_dict(options)],
        "options that are varied": {name: str(choice) for name, choice in space.items()},
        "sampler": sampler,
        "seed": seed,
    }


def _space(spec: Spec, options: TrainingOptions, vary: list[str], fixed: list[str]) -> Space:
    """The search space: the given one, else the default of the kind of model, without the options that were set.

    Raises:
        ConfigError: something is wrong with it, or nothing is left to vary.
    """
    from refeed.config import parse_setting
    from refeed.tuning.search_spaces import parse_space, ready_space, require_space

    if vary:
        return parse_space(vary, spec, options)
    held = {parse_setting(text)[0].rpartition(".")[2] for text in fixed}
    space = {name: choice for name, choice in ready_space(spec, options).items() if name not in held}
    require_space(space, spec, options)
    return space


def _finish(tuning: Tuning, output: Path, following: str, *, parts: Split, circumstances: Circumstances) -> None:
    """Print and write what came of it.

    Raises:
        InterruptedTrainingError: it was interrupted; what was done is printed and written none the less.
        TrainingError: all trials failed.
    """
    from refeed.errors import InterruptedTrainingError
    from refeed.reports.terminal import print_table
    from refeed.tuning.files import BEST, PAGE, write_tuning
    from refeed.tuning.page import STOPPED, importance_table, require_best, trial_table

    interruption = InterruptedTrainingError(
        f"stopped with {len(tuning.trials)} trials done; give the same command again to continue"
    )
    if tuning.stopped == "interrupted" and tuning.best is None:
        raise interruption
    write_tuning(tuning, output, split=parts, circumstances=circumstances, following=following)
    best, start, console = require_best(tuning), tuning.trials[0].rmse, results()
    print_table(console, trial_table(tuning, most=MOST_ROWS))
    if tuning.importances:
        console.print()
        print_table(console, importance_table(tuning))
    begun = "failed" if start is None else f"{start:.4f}"
    console.print(f"\nbest: trial {best.number}, validation RMSE {best.rmse:.4f} (start: {begun})")
    console.print(f"{output / BEST}, {output / PAGE}")
    if tuning.stopped == "interrupted":
        raise interruption
    if tuning.stopped:
        say(f"stopped after {len(tuning.trials)} trials: {STOPPED[tuning.stopped]}")
    say(f"next: {following}")


def _next_command(data: Path, output: Path, seed: int, reading: ReadingOptions, splitting: SplittingOptions) -> str:
    """The command that trains with the best settings on the same split."""
    from refeed.tuning.files import BEST

    words = ["refeed", "train", str(data), "-o", "model", "--config", str(output / BEST), "--seed", str(seed)]
    for group in (reading, splitting):
        for field in fields(group):
            value = getattr(group, field.name)
            if value != field.default:
                words += _option(field.name, value)
    return shlex.join(words)


def _option(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{'' if value else 'no-'}{flag}"]
    return [f"--{flag}", *map(str, value if isinstance(value, tuple) else [value])]
