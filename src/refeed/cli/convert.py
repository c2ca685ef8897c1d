"""`refeed convert`: weights of the original program to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results, say
from refeed.cli.reading import Duplicates


def convert(
    weights: Annotated[Path, typer.Argument(help="The original's saved weights, model.epoch_N.")],
    training_folder: Annotated[Path, typer.Argument(help="The folder of user<TAB>item<TAB>rating files it was trained on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    activation: Annotated[
        str, typer.Option(help="As given to the original (--non_linearity_type); the file does not tell.")
    ] = "selu",
    last_layer_activation: Annotated[
        bool, typer.Option(help="Whether its last layer had the activation (not with --skip_last_layer_nl).")
    ] = True,
    dropout: Annotated[float, typer.Option(help="Of its code layer (--drop_prob); only for the record.")] = 0.0,
    duplicates: Annotated[Duplicates, typer.Option(help="What to do with pairs that occur twice.")] = Duplicates.error,
    overwrite: Annotated[bool, typer.Option(help="Replace a model folder that is there.")] = False,
) -> None:
    """Turn weights of the original program (NVIDIA's DeepRecommender) into a model folder that predicts the same."""
    from refeed.exchange.original import convert as convert_weights
    from refeed.storage import require_free

    require_free(output, overwrite=overwrite)
    fitted = convert_weights(
        weights,
        training_folder,
        activation=activation,
        activation_on_last_layer=last_layer_activation,
        dropout=dropout,
        duplicates=duplicates.value,
    )
    say(
        f"layers {len(fitted.items):,}, {', '.join(map(str, fitted.spec.encoder))}, … "  # type: ignore[union-attr]
        f"activation {fitted.spec.activation}, "  # type: ignore[union-attr]
        f"{'also' if last_layer_activation else 'not'} on the last layer (as said: the original's file does not tell)"
    )
    fitted.save(output, overwrite=overwrite)
    results().print(f"{output}: model of {len(fitted.users):,} users and {len(fitted.items):,} items")
