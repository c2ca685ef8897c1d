"""`refeed train`: ratings in, a model folder out."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from refeed.cli.console import remarks, results, say
from refeed.cli.describing import advise_loops, describe_patience, describe_result, describe_run
from refeed.cli.option_groups import Data, Overwrite, takes_options
from refeed.cli.outputs import require_folder
from refeed.cli.reading import ReadingOptions, read, source_of
from refeed.cli.splitting import SplittingOptions, split
from refeed.cli.titles import attach_titles, find_titles
from refeed.errors import ConfigError
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.splits.base import Split
    from refeed.fitted_model import FittedModel
    from refeed.models import Spec
    from refeed.optim.options import TrainingOptions
    from refeed.runtime import Runtime


@takes_options
def train_command(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    preset: Annotated[str, typer.Option(help="Ready settings; see `refeed presets`.")] = "default",
    config: Annotated[
        Path | None, typer.Option(help="TOML or JSON with the sections model and training; over the preset.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value over preset and config, e.g. learning_rate=0.005; may be repeated."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Kind of model, with its own defaults (`refeed models` lists them); default: that of the preset."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    items: Annotated[Path | None, typer.Option(help="File of item titles; default: one beside the data.")] = None,
    histories: Annotated[
        bool, typer.Option(help="Keep the training ratings in the model folder, so that it knows its users.")
    ] = True,
    refit: Annotated[
        bool, typer.Option("--refit", help="Refit the chosen settings to training and validation set together.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted run of this output folder.")] = False,
    threads: Annotated[int | None, typer.Option(help="CPU threads; default: all cores.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, … or auto.")] = "auto",
    loops: Annotated[
        str, typer.Option(help="Of a network's first and last layer on the CPU: auto, compiled (extra `fast`) or pytorch.")
    ] = "auto",
    overwrite: Overwrite = False,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Train a model (default: the ensemble of the preset `default`) and write a model folder.

    The test part is not looked at; `refeed evaluate` does that.
    """
    from refeed.cli.settings import resolve
    from refeed.fitted_model import CONFIG
    from refeed.runtime import LoopsName, Runtime

    spec, options = resolve(preset_name=preset, config_file=config, settings=set_ or [], model_kind=model)
    require_folder(output, overwrite=overwrite, marker=CONFIG)
    checkpoint = _require_checkpoint(output, resume=resume)
    splitter = splitting.requested()
    runtime = Runtime.detect(device=device, threads=threads, seed=seed, loops=cast(LoopsName, loops))
    source = source_of(data)
    ratings = read(source, reading, labels=splitting.labels)
    all_items = ratings.items
    titles = find_titles(all_items, source, items)
    parts = split(ratings, splitter or splitting.default_for(ratings))
    del ratings  # the parts are copies, and what was read of a mapped store would count as memory until the end
    say(describe_run(spec, options, parts, runtime))
    for advice in filter(None, (describe_patience(spec, parts), advise_loops(spec, options, parts, runtime))):
        say(advice)
    fitted = _train(spec, parts, options, runtime, checkpoint, resume=resume, keep_histories=histories, refit=refit)
    fitted = attach_titles(fitted, all_items, titles)
    fitted = replace(fitted, provenance=replace(fitted.provenance, reading=reading.to_dict()))
    fitted.save(output, overwrite=overwrite)
    shutil.rmtree(checkpoint, ignore_errors=True)
    if fitted.provenance.note:
        say(f"note: {fitted.provenance.note}")
    for line in describe_result(fitted):
        results().print(f"{output}: {line}", highlight=False)
    say(f"next: refeed evaluate {shlex.quote(str(output))} {shlex.quote(str(data))}")


def _require_checkpoint(output: Path, *, resume: bool) -> Path:
    """The folder of the run's state, which exists if and only if it is to be resumed.

    Raises:
        ConfigError: it is there without `resume`, or absent with it.
    """
    checkpoint = output.with_name(f"{output.name}.checkpoint")
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{checkpoint}: an interrupted run lies there; take it up with --resume, or delete that folder")
    if resume and not checkpoint.exists():
        raise ConfigError(f"{checkpoint}: there is no interrupted run to resume; leave out --resume to start a new one")
    return checkpoint


def _train(
    spec: Spec,
    parts: Split,
    options: TrainingOptions,
    runtime: Runtime,
    checkpoint: Path,
    *,
    resume: bool,
    keep_histories: bool,
    refit: bool,
) -> FittedModel:
    """Train with a bar; an error says how to go on from the checkpoint where there is one."""
    from refeed.errors import TrainingError
    from refeed.models import Bias
    from refeed.training.train import train

    try:
        return train(
            spec,
            parts,
            options,
            runtime=runtime,
            progress=False if isinstance(spec, Bias) else ConsoleProgress(remarks()),
            checkpoint_folder=checkpoint,
            resume=resume,
            keep_histories=keep_histories,
            refit=refit,
        )
    except TrainingError as error:
        if not checkpoint.exists():
            raise
        raise type(error)(f"{error}\n  To go on, give the same command again with --resume.") from error
