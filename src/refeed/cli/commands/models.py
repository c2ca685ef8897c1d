"""`refeed models`: the kinds of models, and the options of one."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer

from refeed.cli.console import results


def models(
    kind: Annotated[str | None, typer.Argument(help="A kind, to print its options with their defaults.")] = None,
) -> None:
    """List the kinds of models for `train --model`, or print one's options."""
    from refeed.config import nearest, to_toml
    from refeed.errors import ConfigError
    from refeed.models import MODELS
    from refeed.reports.page import Table
    from refeed.reports.terminal import print_table

    if kind is None:
        rows = [[name, (inspect.getdoc(one) or "").splitlines()[0]] for name, one in MODELS.items()]
        print_table(results(), Table(["model", "about"], rows))
        return
    if kind not in MODELS:
        raise ConfigError(f"model: no '{kind}'{nearest(kind, MODELS).replace('known keys', 'the models')}")
    results().print(inspect.getdoc(MODELS[kind]) or "", markup=False, highlight=False)
    typer.echo()
    typer.echo(to_toml({"model": MODELS[kind]()}), nl=False)
