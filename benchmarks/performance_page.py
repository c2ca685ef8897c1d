"""Write the tables and pictures of docs/performance.md from benchmarks/results.

    python benchmarks/performance_page.py [--check]

What stands between two markers <!-- NAME: begin --> and <!-- NAME: end --> of the page is replaced, so its numbers are always
those of the files. With --check nothing is written, and the exit status says whether the page is up to date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import results
from harness.phase_clock import PHASES
from harness.results import Outcome
from pages import tables
from pages.performance_pictures import PICTURES
from refeed.errors import DataError, RefeedError
from refeed.storage import atomic_file

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "performance.md"
ORDER = (
    "step_speed", "refeeding_speed", "training_memory", "at_size", "cost_growth", "gemm_share", "time_to_rmse", "peers",
)  # fmt: skip


def figures_block(outcomes: Mapping[str, Outcome]) -> str:
    """A table of figures for each benchmark, and its remarks."""
    blocks = []
    for outcome in outcomes.values():
        rows = [tables.row(figure) for figure in outcome.figures]
        remarks = [*outcome.remarks, f"While it ran, other programs took {outcome.others:.2f} CPUs on average."]
        blocks.append(f"### `{outcome.benchmark}`\n\n{_markdown(tables.COLUMNS, rows)}\n\n{' '.join(remarks)}")
    return "\n\n".join(blocks)


def machine_block(outcomes: Mapping[str, Outcome]) -> str:
    """The machines that the outcomes come from, each with the benchmarks that ran on it."""
    machines: dict[str, list[Outcome]] = {}
    for outcome in outcomes.values():
        machines.setdefault(_machine(outcome), []).append(outcome)
    lines = []
    for described, ran in machines.items():
        names = "" if len(machines) == 1 else f"{', '.join(f'`{outcome.benchmark}`' for outcome in ran)}: "
        peak, copying = _range(ran, "gemm_gflops"), _range(ran, "copy_gb_per_s")
        lines.append(f"- {names}{described}; measured float32 GEMM peak {peak} GFLOP/s, copying {copying} GB/s")
    return "\n".join(lines)


def limit_block(outcomes: Mapping[str, Outcome]) -> str:
    """Each phase of each kind of step beside the shortest possible time, in milliseconds."""
    if "gemm_share" not in outcomes:
        return ""
    steps = outcomes["gemm_share"].series["phases"]
    rows = [
        [phase, *(f"{tables.number(step['ms'][phase])} ({tables.number(step['limit_ms'].get(phase, 0.0))})" for step in steps)]
        for phase in PHASES
    ]
    sums = [f"{tables.number(sum(step['ms'].values()))} ({tables.number(sum(step['limit_ms'].values()))})" for step in steps]
    table = _markdown(["ms (limit)", *(step["step"] for step in steps)], [*rows, ["together", *sums]])
    return f"{table}{_ceiling(outcomes, steps)}"


def _ceiling(outcomes: Mapping[str, Outcome], steps: Sequence[Mapping[str, Any]]) -> str:
    """By how much a program at the physical limit would beat the dense reference's supervised step."""
    if "step_speed" not in outcomes:
        return ""
    dense = next(figure for figure in outcomes["step_speed"].figures if figure.name.endswith(": dense reference"))
    what = dense.name.partition(":")[0]
    limit = next((sum(step["limit_ms"].values()) for step in steps if step["step"] == what), None)
    if limit is None:
        return ""
    took, needed, ratio = map(tables.number, (dense.measured.median, limit, dense.measured.median / limit))
    return (
        f"\n\nThe dense reference takes {took} ms for a {what} on this machine. A program at the physical limit would need "
        f"{needed} ms, and so be {ratio} times as fast: in float32 no program here can be faster than that."
    )


BLOCKS: Mapping[str, Callable[[Mapping[str, Outcome]], str]] = {
    "machine": machine_block,
    "figures": figures_block,
    "limit": limit_block,
}


def rendered(page: str, outcomes: Mapping[str, Outcome]) -> str:
    """The page with its blocks replaced.

    Raises:
        DataError: the page lacks the markers of a block.
    """
    for name, make in BLOCKS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise DataError(f"there are no markers {begin.strip()} and {end}", path=PAGE, fix="Put them where it belongs.")
        page = f"{before}{begin}\n{make(outcomes)}\n\n{end}{after}"
    return page


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """The outcomes of a folder by name, in the order of the page."""
    found = {outcome.benchmark: outcome for outcome in results.read_all(folder)}
    return {name: found[name] for name in ORDER if name in found}


def main(arguments: list[str] | None = None) -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="performance_page.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder of the outcomes")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write")
    parser.add_argument("--check", action="store_true", help="write nothing, say whether the page is up to date")
    options = parser.parse_args(arguments)
    try:
        outcomes, before = read_outcomes(options.results), options.page.read_text(encoding="utf-8")
        page = rendered(before, outcomes)
        if options.check:
            print(f"{options.page}: {'is up to date' if page == before else 'differs from the results'}")
            return int(page != before)
        with atomic_file(options.page, overwrite=True) as unfinished:
            unfinished.write_text(page, encoding="utf-8")
        draw(outcomes, options.page.with_suffix(""))
    except RefeedError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def draw(outcomes: Mapping[str, Outcome], folder: Path) -> None:
    """Draw every picture whose benchmark has run."""
    folder.mkdir(exist_ok=True)
    for file_name, (benchmark, series, picture) in PICTURES.items():
        if benchmark in outcomes:
            picture(outcomes[benchmark].series[series]).save_png(folder / file_name, dots_per_inch=150, overwrite=True)


def _machine(outcome: Outcome) -> str:
    machine = outcome.machine
    return (
        f"{machine['processor']}, {machine['cpus']} CPUs, {machine['threads']} threads, {', '.join(machine['flags'])}, "
        f"{machine['memory_gb']:g} GB, {machine['system']}, Python {machine['python']}, PyTorch {machine['torch']}, "
        f"refeed {machine['refeed']}"
    )


def _range(outcomes: Sequence[Outcome], key: str) -> str:
    """Smallest and largest value of a number of the machine, measured again by each run of the suite."""
    low, high = (tables.number(pick(outcome.machine[key] for outcome in outcomes)) for pick in (min, max))
    return low if low == high else f"{low} to {high}"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(columns), ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
