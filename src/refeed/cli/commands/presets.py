"""`refeed presets`: the ready settings, and one of them as a config file."""

from __future__ import annotations

from typing import Annotated

import typer

from refeed.cli.console import results


def presets(name: Annotated[str | None, typer.Argument(help="A preset, to print its settings as TOML.")] = None) -> None:
    """List the presets, or print one as a file for --config."""
    from refeed.presets import PRESETS, preset, settings_toml
    from refeed.reports.page import Table
    from refeed.reports.terminal import print_table

    if name is None:
        rows = [[key, one.about] for key, one in PRESETS.items()]
        print_table(results(), Table(["preset", "about"], rows))
        return
    chosen = preset(name)
    typer.echo(settings_toml(chosen.model, chosen.training), nl=False)
