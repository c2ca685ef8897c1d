"""`refeed check`: what a source of ratings holds, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results, say, write_json
from refeed.cli.option_groups import Data, Json, Overwrite, takes_options
from refeed.cli.outputs import require_json
from refeed.cli.reading import ReadingOptions, source_of
from refeed.errors import ConfigError
from refeed.readers.formats.stores import is_store

if TYPE_CHECKING:
    from rich.console import Console

    from refeed.data.audit.report import Audit, Bin, Counts, Finding
    from refeed.reports.page import Cell, Table


@takes_options
def check(
    data: Data,
    label: Annotated[
        list[str] | None, typer.Option(help="A further column to look at, such as a split; may be repeated.")
    ] = None,
    json: Json = None,
    overwrite: Overwrite = False,
    *,
    reading: ReadingOptions,
) -> None:
    """Audit ratings before training: counts, scale, histogram, duplicates, times, possible splits, findings.

    Exits with 3 when there is an error that training would refuse. Of a model folder or a store it checks every file.
    """
    from refeed.data.audit.audit import audit
    from refeed.data.store.store import verify_store
    from refeed.fitted_model import is_model_folder
    from refeed.readers import read_columns

    data = source_of(data)
    require_json(json, overwrite=overwrite, inputs=(data,))
    if is_model_folder(data):
        if label:
            raise ConfigError("--label: names a column of ratings, but this is a model folder")
        reading.require_only(reason="says how to read ratings, but this is a model folder")
        _check_model(data, json=json, overwrite=overwrite)
        return
    for name, what in (("duplicates", "repeated pairs"), ("missing", "rows without a rating")):
        if getattr(reading, name) is not None:
            raise ConfigError(f"--{name}: check reports {what} as they are; the option is for import, split and train")
    if is_store(data, reading.layout):
        verify_store(data)
        say("Every file of the store is as it was written (its checksum and the fingerprint agree).")
    report = audit(read_columns(data, labels=tuple(label or ()), **reading.arguments()))
    if json is not None:
        write_json(report.to_dict(), json, overwrite=overwrite)
    if json != "-":
        show(report, results())
    if not report.usable:
        say("Training would refuse these ratings as they are, because of the errors.")
        raise typer.Exit(3)


def _check_model(folder: Path, *, json: str | None, overwrite: bool) -> None:
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
        "files": "all are as they were written",
    }
    if json is not None:
        write_json(facts, json, overwrite=overwrite)
    if json != "-":
        print_facts(results(), Facts([(name, "none" if value is None else value) for name, value in facts.items()]))


def show(report: Audit, console: Console) -> None:
    """Print an audit."""
    from refeed.reports.page import Facts, Table
    from refeed.reports.terminal import print_facts, print_table

    for note in report.notes:
        console.print(f"  {note}")
    print_facts(console, Facts(_facts(report)))
    if report.facts.values.histogram:
        console.print()
        print_table(console, histogram(report))
    console.print()
    rows: list[list[Cell]] = [[split.name, "yes" if split.possible else "no", split.why] for split in report.splits]
    print_table(console, Table(["split", "possible", "why"], rows))
    for finding in report.findings:
        console.print(finding_text(finding))


def finding_text(finding: Finding) -> str:
    """A finding as one line."""
    return f"{finding.level}: {finding.text}. {finding.fix}"


def histogram(report: Audit) -> Table:
    """The histogram of the ratings as a table with bars; there is at least one bin."""
    from refeed.reports.page import Table

    bins = report.facts.values.histogram
    largest = max(bar.count for bar in bins)
    rows: list[list[Cell]] = [[_span(bar), bar.count, "█" * round(30 * bar.count / largest)] for bar in bins]
    return Table(["rating", "count", ""], rows, align="rrl")


def _span(bar: Bin) -> str:
    return f"{bar.low:g}" if bar.low == bar.high else f"{bar.low:g} to {bar.high:g}"


def _facts(report: Audit) -> list[tuple[str, Cell]]:
    facts, values = report.facts, report.facts.values
    pairs: list[tuple[str, Cell]] = [
        ("ratings", facts.rows),
        ("users", facts.users),
        ("items", facts.items),
        ("density", f"{facts.density:.3%}"),
        ("scale seen", "none" if values.minimum is None else f"{values.minimum:g} to {values.maximum:g}"),
        ("scale declared", "none" if values.declared is None else f"{values.declared[0]:g} to {values.declared[1]:g}"),
        ("step", "none" if values.step is None else f"{values.step:g}"),
        ("mean", values.mean),
        ("a user's ratings: fewest, median, most", _spread(facts.ratings_per_user)),
        ("an item's ratings: fewest, median, most", _spread(facts.ratings_per_item)),
        ("repeated pairs", facts.repeated_rows),
        ("of these with different ratings", facts.conflicting_pairs),
    ]
    if facts.times is not None:
        pairs.append(("first time (UTC)", facts.times.first))
        pairs.append(("last time (UTC)", facts.times.last))
        pairs.append(("in the same second as the user's others", f"{facts.times.tied_share:.1%}"))
    return pairs


def _spread(counts: Counts) -> str:
    return f"{counts.minimum:,}, {counts.median:,g}, {counts.maximum:,}"
