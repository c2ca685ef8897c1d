"""Run the benchmarks: every figure against its goal, on this machine.

    python benchmarks/suite.py [NAME …] [--size full|small] [--results FOLDER] [--json FILE] [--work FOLDER] [--threads N]

Each outcome is written to benchmarks/results/NAME.json when it is there (with --size small only where --results says), and
`python benchmarks/performance_page.py` makes docs/performance.md of these files. Exits with 1 when a benchmark cannot run;
a goal that is missed is a number in the table, not an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import torch

from harness import machine, results
from harness.quiet import CpuTimes, wait_until_quiet
from harness.results import Outcome
from harness.workbench import Found, Workbench
from measures import at_size, cost_growth, gemm_share, peers, refeeding_speed, step_speed, time_to_rmse, training_memory
from pages import tables
from refeed.cli.console import results as results_console
from refeed.errors import RefeedError
from refeed.reports.terminal import print_table
from refeed.runtime import Runtime

RESULTS = Path(__file__).with_name("results")
BENCHMARKS: Mapping[str, ModuleType] = {  # each has FULL, SMALL, and measure(bench, extent)
    "step_speed": step_speed,
    "gemm_share": gemm_share,
    "refeeding_speed": refeeding_speed,
    "training_memory": training_memory,
    "at_size": at_size,
    "cost_growth": cost_growth,
    "time_to_rmse": time_to_rmse,
    "peers": peers,
}


def main(
    arguments: list[str] | None = None,
    *,
    benchmarks: Mapping[str, ModuleType] = BENCHMARKS,
    default_results: Path = RESULTS,
) -> int:
    """Run the requested benchmarks; see the module's docstring.

    Args:
        arguments: of the command line.
        benchmarks: all that there are, by name.
        default_results: folder of the outcomes of full size, unless --results gives another.
    """
    options = _parse(arguments, benchmarks, default_results)
    threads = Runtime.detect(device="cpu", threads=options.threads).threads
    torch.set_num_threads(threads)  # for the machine's speeds; what refeed sets beside that is set in processes of its own
    with ExitStack() as stack:
        folder = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refeed-bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        wait_until_quiet()
        bench = Workbench(folder, threads, machine.describe(threads=threads))
        outcomes, failed = [], False
        for name in options.names or benchmarks:
            try:
                outcome = run(name, benchmarks[name], bench, size=options.size)
            except RefeedError as error:
                print(f"{name}: {error}", file=sys.stderr)
                failed = True
                continue
            outcomes.append(outcome)
            show(outcome)
            if options.results is not None:
                results.write(outcome, options.results)
    if options.json is not None:
        options.json.write_text(json.dumps([json.loads(outcome.to_json()) for outcome in outcomes], indent=1), encoding="utf-8")
    return int(failed)


def run(name: str, module: ModuleType, bench: Workbench, *, size: str) -> Outcome:
    """Run one benchmark when the machine is quiet.

    Raises:
        RefeedError: it cannot run here.
    """
    print(f"{name} ({size})", file=sys.stderr, flush=True)
    wait_until_quiet()
    before = CpuTimes.now()
    found: Found = module.measure(bench, module.FULL if size == "full" else module.SMALL)
    others = CpuTimes.now().others_since(before)
    return Outcome(name, size, found.figures, bench.machine, others, found.series, found.remarks)


def show(outcome: Outcome) -> None:
    """Print the figures of one benchmark."""
    print_table(results_console(), tables.table(outcome))


def _parse(arguments: list[str] | None, benchmarks: Mapping[str, ModuleType], default_results: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="suite.py", description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(benchmarks)}; default: all")
    parser.add_argument("--size", choices=("full", "small"), default="full", help="small ends within 10 minutes on 2 cores")
    parser.add_argument("--results", type=Path, help="folder of the outcomes, one file each")
    parser.add_argument("--json", type=Path, help="all outcomes of this run in one file")
    parser.add_argument("--work", type=Path, help="folder for data and models, kept and used again; default: temporary")
    parser.add_argument("--threads", type=int, help="of every program; default: all CPUs")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in benchmarks:
            parser.error(f"there is no benchmark '{name}'; expected {', '.join(benchmarks)}")
    if options.results is None and options.size == "full":
        options.results = default_results
    return options


if __name__ == "__main__":
    sys.exit(main())
