"""`refeed train`: ratings in, a model folder out."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results, say
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions, read
from refeed.cli.splitting import SplittingOptions, split
from refeed.cli.titles import attach_titles, find_titles
from refeed.errors import ConfigError

if TYPE_CHECKING:
    from refeed.data.splits import Split
    from refeed.models import Spec
    from refeed.runtime import Runtime
    from refeed.training.options import TrainingOptions


@takes_options
def train_command(
    data: Annotated[Path, typer.Argument(help="File, folder or store of ratings.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    preset: Annotated[str, typer.Option(help="Ready settings; see `refeed presets`.")] = "default",
    config: Annotated[Path | None, typer.Option(help="TOML or JSON with [model] and [training]; over the preset.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value over preset and config, e.g. learning_rate=0.005; may be repeated."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="autoencoder or bias.")] = None,
    seed: Annotated[int, typer.Option(help="The one seed of the run.")] = 0,
    items: Annotated[Path | None, typer.Option(help="File of item titles; one beside the data is found.")] = None,
    histories: Annotated[
        bool, typer.Option(help="Keep the training ratings in the model folder, so that it knows its users.")
    ] = True,
    resume: Annotated[bool, typer.Option(help="Take up an interrupted run of this output folder.")] = False,
    threads: Annotated[int | None, typer.Option(help="CPU threads; all unless said.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, … or auto.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace a model folder that is there.")] = False,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Train a deep autoencoder (or the bias baseline) and write a model folder.

    The test part is not looked at; `refeed evaluate` does that.
    """
    from refeed.cli.settings import resolve
    from refeed.runtime import Runtime
    from refeed.storage import require_free
    from refeed.training.train import train

    spec, options = resolve(preset_name=preset, config_file=config, settings=set_ or [], model_kind=model)
    require_free(output, overwrite=overwrite)
    runtime = Runtime.detect(device=device, threads=threads, seed=seed)
    ratings = read(data, reading, labels=splitting.labels)
    titles = find_titles(ratings.items, data, items)
    parts = split(ratings, splitting.splitter(ratings))
    say(describe(spec, options, parts, runtime))
    checkpoint = output.with_name(f"{output.name}.checkpoint")
    if checkpoint.exists() and not resume:
        raise ConfigError(f"{checkpoint}: an interrupted run lies there; take it up with --resume, or delete that folder")
    fitted = train(
        spec,
        parts,
        options,
        runtime=runtime,
        progress=True,
        checkpoint_folder=checkpoint,
        resume=resume,
        keep_histories=histories,
    )
    fitted = attach_titles(fitted, ratings.items, titles)
    fitted = replace(fitted, provenance=replace(fitted.provenance, reading=reading.to_dict()))
    fitted.save(output, overwrite=overwrite)
    shutil.rmtree(checkpoint, ignore_errors=True)
    best = fitted.provenance.log[fitted.provenance.best_epoch - 1]
    results().print(
        f"{output}: best epoch {fitted.provenance.best_epoch} of {len(fitted.provenance.log)}, "
        f"train RMSE {best['train_rmse']:.4f}, validation RMSE {best['valid_rmse']:.4f}"
    )
    say(f"next: refeed evaluate {output} {data}")


def describe(spec: Spec, options: TrainingOptions, parts: Split, runtime: Runtime) -> str:
    """One line on what is about to be trained."""
    from refeed.models import AutoEncoder

    where = f"{runtime.device}, {runtime.threads} threads, seed {runtime.seed}"
    if not isinstance(spec, AutoEncoder):
        return f"{spec.kind}: solved in one step ({where})"
    columns = parts.train.num_items if spec.side == "user" else parts.train.num_users
    layers = [str(columns), *map(str, spec.encoder)]
    if spec.dropout:
        layers.append(f"dropout {spec.dropout:g}")
    layers += [*map(str, spec.shape.decoder), str(columns)]
    refeeding = f", {options.refeed_steps} re-feeding step(s), label {options.refeed_label}" if options.refeed_steps else ""
    return (
        f"{spec.side}-side autoencoder {' > '.join(layers)}, {spec.activation}; {options.optimizer} at "
        f"{options.learning_rate:g}, batches of {options.batch_size}, {options.epochs} epochs{refeeding} ({where})"
    )
