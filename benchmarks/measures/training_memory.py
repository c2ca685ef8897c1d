"""Peak memory of training, supervised with one re-feeding step, against the dense reference's program on the same store."""

from __future__ import annotations

from dataclasses import dataclass, field

from data.netflix_shaped import sgd
from data.netflix_store import made_store
from harness.children import run
from harness.dense import dense_program_command
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from measures import at_size


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        at_size: data set, network and split.
        batch_size: of both sides.
        dense_batches: after how many the dense program ends; its memory does not grow any more.
    """

    at_size: at_size.Extent = field(default_factory=at_size.Extent)
    batch_size: int = 1024
    dense_batches: int = 3


FULL = Extent(at_size.FULL)
SMALL = Extent(at_size.SMALL)


def measure(bench: Workbench, extent: Extent) -> Found:
    """The ratio, and both sides."""
    store, network = made_store(bench, extent.at_size.world), extent.at_size.network
    sizes = {"--batches": extent.dense_batches, "--batch-size": extent.batch_size, "--refeed": 1, "--dropout": network.dropout}
    words = [*(str(word) for option in sizes.items() for word in option), "--encoder", ",".join(map(str, network.encoder))]
    dense = run(dense_program_command(store, *words), threads=bench.threads)
    options = sgd(batch_size=extent.batch_size, refeed_steps=1)
    command = at_size.train_command(bench, extent.at_size, store, bench.folder / "model-memory", options)
    ours = run(command, threads=bench.threads)
    what = f"training with a re-feeding step, batch {extent.batch_size:,}"
    share = Spread.of([ours.peak_bytes / dense.peak_bytes])
    return Found(
        figures=(
            Figure(
                f"{what}: peak memory over that of the dense program",
                "times",
                share,
                goal=0.2 if extent.at_size.has_goals else None,
                better="below",
            ),
            Figure(f"{what}: refeed, one epoch and the model folder", "GB", Spread.of([ours.peak_gb])),
            Figure(f"{what}: dense program, {extent.dense_batches} batches", "GB", Spread.of([dense.peak_gb])),
        ),
        remarks=(
            "The dense program keeps the ratings as the original does, in Python lists of (item, rating) by user; the lines of "
            "the file, which the original holds as well while it reads, are not counted.",
        ),
    )
