"""`refeed doctor`: what this installation is and has."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

from refeed.cli.console import results, write_json
from refeed.cli.option_groups import Json, Overwrite
from refeed.cli.outputs import require_json

PACKAGES = ("refeed", "torch", "numpy", "pyarrow", "safetensors", "typer", "rich")
EXTRAS = {"matplotlib": "report", "jinja2": "report", "optuna": "tune", "numba": "fast"}


def doctor(json: Json = None, overwrite: Overwrite = False) -> None:
    """Print versions, threads, device and data folder: what to say when asking for help."""
    from refeed.reports.page import Facts
    from refeed.reports.terminal import print_facts

    require_json(json, overwrite=overwrite)
    facts = gather()
    if json is not None:
        write_json(facts, json, overwrite=overwrite)
    if json != "-":
        print_facts(results(), Facts([(name.replace("_", " "), str(value)) for name, value in facts.items()]))


def gather() -> dict[str, str | int]:
    """The facts, by name."""
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
    said = os.environ.get("REFEED_DATA")
    if not said:
        return "not set (environment variable REFEED_DATA)"
    return said if Path(said).is_dir() else f"{said} (REFEED_DATA; there is no such folder)"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
