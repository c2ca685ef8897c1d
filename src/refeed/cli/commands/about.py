"""`refeed models`, `refeed presets` and `refeed doctor`: what this installation has."""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from refeed.cli.console import results, write_json
from refeed.cli.option_groups import Json, Overwrite
from refeed.cli.outputs import require_json

PACKAGES = ("refeed", "torch", "numpy", "pyarrow", "safetensors", "typer", "rich")
EXTRAS = {"matplotlib": "report", "jinja2": "report", "optuna": "tune", "numba": "fast"}


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
        rows = [[name, (inspect.getdoc(spec) or "").splitlines()[0]] for name, spec in MODELS.items()]
        print_table(results(), Table(["model", "about"], rows))
        return
    if kind not in MODELS:
        raise ConfigError(f"model: no '{kind}'{nearest(kind, MODELS).replace('known keys', 'the models')}")
    results().print(inspect.getdoc(MODELS[kind]) or "", markup=False, highlight=False)
    typer.echo()
    typer.echo(to_toml({"model": MODELS[kind]()}), nl=False)


def presets(name: Annotated[str | None, typer.Argument(help="A preset, to print its settings as TOML.")] = None) -> None:
    """List the presets, or print one as a file for --config."""
    from refeed.presets import PRESETS, preset, settings_toml
    from refeed.reports.page import Table
    from refeed.reports.terminal import print_table

    if name is None:
        rows = [[key, value.about] for key, value in PRESETS.items()]
        print_table(results(), Table(["preset", "about"], rows))
        return
    chosen = preset(name)
    typer.echo(settings_toml(chosen.model, chosen.training), nl=False)


def doctor(json: Json = None, overwrite: Overwrite = False) -> None:
    """Print versions, threads, device and data folder: what to say when asking for help."""
    from refeed.reports.page import Facts
    from refeed.reports.terminal import print_facts

    require_json(json, overwrite=overwrite)
    facts = installation_facts()
    if json is not None:
        write_json(facts, json, overwrite=overwrite)
    if json != "-":
        print_facts(results(), Facts([(name.replace("_", " "), str(value)) for name, value in facts.items()]))


def installation_facts() -> dict[str, str | int]:
    """Versions, threads, device and folders, by name."""
    import torch

    from refeed.data.datasets import cache_folder
    from refeed.runtime import Runtime, available_cpus

    facts: dict[str, str | int] = {name: _version(name) for name in PACKAGES}
    facts |= {f"{name} (extra: {extra})": _version(name) for name, extra in EXTRAS.items()}
    return facts | {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cpus": available_cpus(),
        "threads": torch.get_num_threads(),
        "device": Runtime.detect().device,
        "data_folder": _data_folder(),
        "cache_folder": str(cache_folder()),
    }


def _data_folder() -> str:
    folder = os.environ.get("REFEED_DATA")
    if not folder:
        return "not set (environment variable REFEED_DATA)"
    return folder if Path(folder).is_dir() else f"{folder} (REFEED_DATA; there is no such folder)"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
