"""`refeed presets`: the ready settings, and one of them as a config file."""

from __future__ import annotations

from typing import Annotated

import typer

from refeed.cli.console import results


def presets(name: Annotated[str | None, typer.Argument(help="A preset, to print its settings as TOML.")] = None) -> None:
    """List the presets, or print one as a file for --config."""
    from refeed.config import to_toml
    from refeed.experiments.presets import PRESETS, preset
    from refeed.reports.page import Table
    from refeed.reports.terminal import print_table

    if name is None:
        rows = [[key, one.about] for key, one in PRESETS.items()]
        print_table(results(), Table(["preset", "about"], rows))
        return
    chosen = preset(name)
    sections = {"model": chosen.model} | ({"training": chosen.training} if chosen.model.uses_training_options else {})
    text = to_toml(sections).replace("[model]\n", f'[model]\nkind = "{chosen.model.kind}"\n', 1)
    typer.echo(text, nl=False)
