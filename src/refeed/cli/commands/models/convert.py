"""`refeed convert`: weights of the original program to a model folder."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results, say
from refeed.cli.option_groups import Overwrite
from refeed.cli.outputs import require_folder
from refeed.cli.reading import Duplicates


class SideName(StrEnum):
    """What a row of the network is."""

    user = "user"
    item = "item"


def convert(
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="The original's saved weights, model.epoch_N.")],
    training_folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder of user<TAB>item<TAB>rating files it was trained on.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    activation: Annotated[
        str, typer.Option(help="Activation (--non_linearity_type of the original); not stored in the file.")
    ] = "selu",
    last_layer_activation: Annotated[
        bool, typer.Option(help="Whether its last layer had the activation (not with --skip_last_layer_nl).")
    ] = True,
    dropout: Annotated[float, typer.Option(help="Of its code layer (--drop_prob); only for the record.")] = 0.0,
    side: Annotated[SideName | None, typer.Option(help="Its --major; default: detected from the widths.")] = None,
    duplicates: Annotated[Duplicates, typer.Option(help="What to do with pairs that occur twice.")] = Duplicates.error,
    overwrite: Overwrite = False,
) -> None:
    """Turn weights of the original program (NVIDIA's DeepRecommender) into a model folder that predicts the same."""
    from refeed.exchange.original import convert as convert_weights
    from refeed.fitted_model import CONFIG

    require_folder(output, overwrite=overwrite, marker=CONFIG)
    fitted = convert_weights(
        weights,
        training_folder,
        activation=activation,
        activation_on_last_layer=last_layer_activation,
        dropout=dropout,
        side=None if side is None else side.value,
        duplicates=duplicates.value,
    )
    say(fitted.spec.summary(len(fitted.users), len(fitted.items)))
    say(f"The file does not store the activation; assumed: {activation}, {_last(last_layer_activation)}.")
    say(f"{fitted.provenance.note}.")
    fitted.save(output, overwrite=overwrite)
    results().print(f"{output}: model of {len(fitted.users):,} users and {len(fitted.items):,} items")


def _last(has_activation: bool) -> str:
    return "also on the last layer" if has_activation else "but none on the last layer"
