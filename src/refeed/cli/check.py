"""`refeed check`: what a source of ratings holds, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refeed.cli.console import results, say, write_json
from refeed.cli.option_groups import takes_options
from refeed.cli.reading import ReadingOptions

if TYPE_CHECKING:
    from rich.console import Console

    from refeed.data.audit_report import Audit, Bin, Counts
    from refeed.reports.page import Table


@takes_options
def check(
    data: Annotated[Path, typer.Argument(help="File, folder or store of ratings.")],
    label: Annotated[
        list[str] | None, typer.Option(help="A further column to look at, such as a split; may be repeated.")
    ] = None,
    json: Annotated[str | None, typer.Option(help="Write everything as JSON to this file, or - for standard output.")] = None,
    *,
    reading: ReadingOptions,
) -> None:
    """Audit ratings before training: counts, scale, histogram, duplicates, times, possible splits, findings.

    Exits with 3 when there is an error that training would refuse.
    """
    from refeed.data.audit import audit
    from refeed.data.readers import read_columns

    arguments = reading.arguments()
    arguments.pop("duplicates", None)
    report = audit(read_columns(data, labels=tuple(label or ()), **arguments))
    if json is not None:
        write_json(report.to_dict(), json)
    if json != "-":
        show(report, results())
    if not report.usable:
        say("The errors above have to be dealt with before training.")
        raise typer.Exit(3)


def show(report: Audit, console: Console) -> None:
    """Print an audit."""
    from refeed.reports.page import Cell, Facts, Table
    from refeed.reports.terminal import print_facts, print_table

    for note in report.notes:
        console.print(f"  {note}", markup=False)
    print_facts(console, Facts(_facts(report)))
    console.print()
    print_table(console, histogram(report))
    console.print()
    rows: list[list[Cell]] = [[one.name, "yes" if one.possible else "no", one.why] for one in report.splits]
    print_table(console, Table(["split", "possible", "why"], rows))
    for finding in report.findings:
        console.print(f"{finding.level}: {finding.text}" + (f" {finding.fix}" if finding.fix else ""), markup=False)


def histogram(report: Audit) -> Table:
    """The histogram of the ratings as a table with bars."""
    from refeed.reports.page import Cell, Table

    bins = report.facts.values.histogram
    largest = max((one.count for one in bins), default=1)
    rows: list[list[Cell]] = [[_span(one), one.count, "█" * round(30 * one.count / largest)] for one in bins]
    return Table(["rating", "count", ""], rows, align="rrl")


def _span(one: Bin) -> str:
    return f"{one.low:g}" if one.low == one.high else f"{one.low:g} to {one.high:g}"


def _facts(report: Audit) -> list[tuple[str, str | int | float | None]]:
    facts, values = report.facts, report.facts.values
    pairs: list[tuple[str, str | int | float | None]] = [
        ("ratings", facts.rows),
        ("users", facts.users),
        ("items", facts.items),
        ("density", f"{facts.density:.3%}"),
        ("scale seen", "none" if values.minimum is None else f"{values.minimum:g} to {values.maximum:g}"),
        ("step", "none" if values.step is None else f"{values.step:g}"),
        ("mean", values.mean),
        ("ratings a user: fewest, median, most", _spread(facts.ratings_per_user)),
        ("ratings an item: fewest, median, most", _spread(facts.ratings_per_item)),
        ("repeated pairs", facts.repeated_rows),
        ("of these with different ratings", facts.conflicting_pairs),
    ]
    if facts.times is not None:
        pairs.append(("times (UTC)", f"{facts.times.first} to {facts.times.last}"))
        pairs.append(("rated in the same second as another by the same user", f"{facts.times.tied_share:.1%}"))
    return pairs


def _spread(counts: Counts) -> str:
    return f"{counts.minimum:,}, {counts.median:,g}, {counts.maximum:,}"
