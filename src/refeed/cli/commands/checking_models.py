"""`refeed check` of a model folder: whether every file is as it was written, and what the model is."""

from __future__ import annotations

from pathlib import Path

from refeed.cli.console import results, write_json


def check_model(folder: Path, *, json: str | None, overwrite: bool) -> None:
    """Read a whole model folder and print what it holds.

    Raises:
        BundleError: a file is missing, unexpected, or not as it was written.
    """
    from refeed.fitted_model import load
    from refeed.reports.page import Facts
    from refeed.reports.terminal import print_facts

    fitted = load(folder, verify=True)
    facts: dict[str, str | int | None] = {
        "model": fitted.spec.summary(len(fitted.users), len(fitted.items)),
        "users": len(fitted.users),
        "items": len(fitted.items),
        "weights": fitted.num_parameters,
        "scale": f"{fitted.scale.minimum:g} to {fitted.scale.maximum:g}",
        "ratings kept": None if fitted.histories is None else len(fitted.histories),
        "titles": sum(title is not None for title in fitted.titles),
        "files": "every one is as it was written",
    }
    if json is not None:
        write_json(facts, json, overwrite=overwrite)
    if json != "-":
        print_facts(results(), Facts([(name, "none" if value is None else value) for name, value in facts.items()]))
