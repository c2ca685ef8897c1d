"""`refeed reproduce`: the paper's figures and tables on any ratings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from refeed.cli.console import remarks, results, say
from refeed.cli.option_groups import takes_options
from refeed.cli.outputs import require_experiment_folder, require_report_packages
from refeed.cli.reading import ReadingOptions, read, source_of
from refeed.cli.splitting import SplittingOptions, split
from refeed.data.splits.time import NETFLIX_MONTHS, NetflixSplit
from refeed.errors import ConfigError
from refeed.progress import ConsoleProgress

if TYPE_CHECKING:
    from refeed.data.ratings import Ratings
    from refeed.data.splits.base import Split
    from refeed.reports.page import Table
    from refeed.reproduce.ablations.grid import ExperimentResult
    from refeed.reproduce.benchmark.statistics import BenchmarkScores
    from refeed.reproduce.scales import Scale

WHOLE_NETFLIX: Final = "full"  # the split of the Netflix data that the paper's ablations are on


class Name(StrEnum):
    """What can be reproduced."""

    activations = "activations"
    width = "width"
    depth = "depth"
    dropout = "dropout"
    refeeding = "refeeding"
    benchmark = "benchmark"
    all = "all"


class Budget(StrEnum):
    """How much work it may be; see `experiments.scales`."""

    tiny = "tiny"
    small = "small"
    paper = "paper"


@takes_options
def reproduce(
    name: Annotated[
        Name, typer.Argument(metavar="NAME", help="activations, width, depth, dropout, refeeding, benchmark, or all of them.")
    ],
    data: Annotated[
        Path,
        typer.Option("--data", help="File, folder or store of ratings; or the name of a data set at hand, such as ml-100k."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the report and for the runs, which are done once.")
    ] = Path("refeed-reproduce"),
    budget: Annotated[
        Budget,
        typer.Option(help="paper: its epochs and widths; small: about 10 minutes with ml-100k on 2 cores; tiny: a trial."),
    ] = Budget.small,
    seeds: Annotated[int | None, typer.Option(help="Runs of each setting; default: those of the budget.", min=1)] = None,
    systems: Annotated[
        str | None, typer.Option(help="benchmark: only these systems, for example default,bayesian,svd++; default: all.")
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="benchmark: settings that every system is tuned over; default: those of the budget. More than 4 need the "
            "extra tune.",
            min=1,
        ),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads in all; default: all cores.", min=1)] = None,
    workers: Annotated[
        int | None, typer.Option(help="Runs at a time, which share the threads; default: one a thread.", min=1)
    ] = None,
    *,
    reading: ReadingOptions,
    splitting: SplittingOptions,
) -> None:
    """Repeat the paper's experiments on any ratings, with controls that it lacks, and write a report.

    Runs are kept in the output folder: the same command goes on where it was stopped, and does no run twice.
    """
    from refeed.reproduce.benchmark.netflix import netflix_table
    from refeed.reproduce.report import write_report
    from refeed.runs.manifest import Circumstances
    from refeed.runtime import available_cpus

    began, threads = datetime.now().astimezone(), threads or available_cpus()
    chosen = None if systems is None else [name.strip() for name in systems.split(",")]
    scale = _scale(name, budget, trials, chosen)
    require_experiment_folder(output)
    require_report_packages()
    source, splitter = source_of(data), splitting.requested()
    is_netflix = splitter is None and _is_netflix(source, reading)
    ratings = read(source, reading, labels=splitting.labels)
    if is_netflix:
        splitter = NetflixSplit(WHOLE_NETFLIX, seed=splitting.split_seed)
    parts = split(ratings, splitter or splitting.default_for(ratings))
    say(f"budget {scale.name}: {scale.about}")
    scale = scale.for_users(parts.train.num_users)
    job = Job(scale, range(seeds or scale.seeds), output, workers=workers or threads, threads=threads, systems=chosen)
    ablations = [] if name is Name.benchmark else job.ablations(name, parts)
    splits = _benchmark_splits(ratings, parts, is_netflix=is_netflix) if name in (Name.benchmark, Name.all) else iter(())
    benchmarks = {name: job.benchmark(parts) for name, parts in splits}
    if len(benchmarks) > 1:
        _show(netflix_table(benchmarks), [])
    seconds = (datetime.now().astimezone() - began).total_seconds()
    command = shlex.join(["refeed", *sys.argv[1:]])
    circumstances = Circumstances(source.name, command, began, seconds, workers=job.workers, threads=job.threads)
    if (output / "report").is_dir():
        say("The earlier report is replaced; `refeed reproduce all` puts everything into one, from the runs that are kept.")
    page = write_report(ablations, output, split=parts, scale=scale, circumstances=circumstances, benchmarks=benchmarks)
    results().print(f"report: {page}")


def _scale(name: Name, budget: Budget, trials: int | None, chosen: list[str] | None) -> Scale:
    """The requested budget; what is wrong with it is reported now, not after the work.

    Raises:
        ConfigError: options of the benchmark for something else, an unknown system, or the `tune` extra is needed and missing.
    """
    from refeed.reproduce.benchmark.systems import named_systems, systems
    from refeed.reproduce.benchmark.tuning import require_search
    from refeed.reproduce.scales import SCALES

    scale = SCALES[budget] if trials is None else replace(SCALES[budget], trials=trials)
    if name in (Name.benchmark, Name.all):
        require_search(systems(scale) if chosen is None else named_systems(scale, chosen), scale.trials)
        return scale
    for option, value in (("--systems", chosen), ("--trials", trials)):
        if value is not None:
            raise ConfigError(f"{option}: '{name}' compares no systems; give it with benchmark or all")
    return scale


@dataclass(frozen=True)
class Job:
    """What all experiments of a call have in common.

    Attributes:
        scale: the budget.
        seeds: of each setting.
        folder: where runs are kept.
        workers: runs at a time.
        threads: CPU threads in all.
        systems: names of those of the benchmark; None takes all.
    """

    scale: Scale
    seeds: range
    folder: Path
    workers: int
    threads: int
    systems: list[str] | None

    def ablations(self, name: Name, parts: Split) -> list[ExperimentResult]:
        """Do one of the paper's ablations, or all, side by side; print the results."""
        from refeed.reproduce.ablations.ablations import EXPERIMENTS, run_experiments
        from refeed.reproduce.ablations.findings import findings
        from refeed.reproduce.ablations.page import experiment_table

        experiments = list(EXPERIMENTS.values()) if name is Name.all else [EXPERIMENTS[name]]
        found = run_experiments(
            experiments,
            parts,
            self.scale,
            self.seeds,
            self.folder,
            workers=self.workers,
            threads=self.threads,
            progress=ConsoleProgress(remarks()),
        )
        for result in found:
            _show(experiment_table(result), [f"{finding.verdict}: {finding.text}" for finding in findings(result)])
        return found

    def benchmark(self, parts: Split) -> BenchmarkScores:
        """Tune and test all systems; print the results."""
        from refeed.reproduce.benchmark.benchmark import run_benchmark
        from refeed.reproduce.benchmark.findings import benchmark_findings
        from refeed.reproduce.benchmark.statistics import score_benchmark
        from refeed.reproduce.benchmark.systems import named_systems
        from refeed.reproduce.benchmark.tables import benchmark_table

        benchmark = run_benchmark(
            parts,
            self.scale,
            self.seeds,
            self.folder,
            workers=self.workers,
            threads=self.threads,
            progress=ConsoleProgress(remarks()),
            systems=None if self.systems is None else named_systems(self.scale, self.systems),
        )
        scores = score_benchmark(benchmark)
        _show(benchmark_table(scores), [f"{finding.verdict}: {finding.text}" for finding in benchmark_findings(scores)])
        return scores


def _is_netflix(source: Path, reading: ReadingOptions) -> bool:
    """Whether these are the files of the Netflix Prize, for which the paper says the splits."""
    from refeed.readers.reading import layout_of

    return (reading.layout or layout_of(source)) == "netflix"


def _benchmark_splits(ratings: Ratings, parts: Split, *, is_netflix: bool) -> Iterator[tuple[str, Split]]:
    """The splits to compare the systems on: the one at hand, or the paper's four of the Netflix data."""
    if not is_netflix:
        yield "benchmark", parts
        return
    for name in NETFLIX_MONTHS:
        assert isinstance(parts.splitter, NetflixSplit)
        splitter = NetflixSplit(name, seed=parts.splitter.seed)
        yield name, parts if name == WHOLE_NETFLIX else split(ratings, splitter)


def _show(table: Table, findings: list[str]) -> None:
    from refeed.reports.terminal import print_table

    console = results()
    print_table(console, table)
    for text in findings:
        console.print(text)
    console.print()
