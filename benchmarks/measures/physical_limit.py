"""The shortest time that a training step could take on this machine: its operations at the measured GEMM peak, its bytes
at the measured copying speed.

For each phase the longer of the two counts, and the phases add up, since each needs what the one before it made. Weights and
momenta are counted as read once and written once in a step, as if the caches were perfect and gradients never left them; work
that only our way of computing needs (picking rows, sorting entries) is not counted. No program reaches all of this; it says
what is left to gain. An update counts where its gradient is known: in the backward phases for the first and last layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.phase_clock import Phase
from refeed.models.autoencoder.network import NetworkShape

NUMBER = 4  # bytes of a float32
STORED, WIDE = 3, 12  # bytes of a rating in the store, and in the batch (item and value)
UPDATED = 3  # SGD with momentum reads the momentum of each number and writes weight and momentum; the weight was read before
GRAM_PRODUCTS: Mapping[Phase, int] = {  # of n x k x k in an exact re-feeding pass through Gram matrices
    "first layer": 1,
    "last layer and loss": 3,
    "last layer, backward": 2,
    "first layer, backward": 1,
}
WHOLE_PRODUCTS: Mapping[Phase, int] = {  # of B x n x k in one over the whole output, whether held or made block by block
    "first layer": 1,
    "last layer and loss": 2,
    "last layer, backward": 2,
    "first layer, backward": 1,
}


@dataclass(frozen=True)
class StepWork:
    """What a step has to do.

    Attributes:
        shape: the layers.
        rows: B.
        columns: n.
        entries: ratings in the batch.
        distinct: columns that have a rating.
        refeed: whether an exact re-feeding pass follows, label "output", last layer linear.
    """

    shape: NetworkShape
    rows: int
    columns: int
    entries: int
    distinct: int
    refeed: bool

    @property
    def hidden_numbers(self) -> int:
        """Numbers in the matrices between the first and the last layer."""
        return sum(before * after for before, after in pairwise((*self.shape.encoder, *self.shape.decoder)))

    @property
    def widths(self) -> tuple[int, int]:
        """m and k: numbers that the first and the last layer hold for each column."""
        return self.shape.encoder[0], (*self.shape.encoder, *self.shape.decoder)[-1]


def shortest_seconds(work: StepWork, machine: Mapping[str, Any]) -> dict[Phase, float]:
    """Seconds of each phase at the speeds of `machine` (see `machine.describe`)."""
    (m, k), hidden, passes = work.widths, work.hidden_numbers, 1 + work.refeed

    def seconds(operations: float, numbers: float) -> float:
        return float(max(operations / machine["gemm_gflops"], NUMBER * numbers / machine["copy_gb_per_s"])) / 1e9

    found: dict[Phase, float] = {
        "read the batch": seconds(0, work.entries * (STORED + WIDE) / NUMBER),
        "first layer": seconds(2 * work.entries * m, work.distinct * m),
        "hidden layers": passes * seconds(2 * work.rows * hidden, hidden),
        "last layer and loss": seconds(2 * work.entries * k, work.distinct * k),
        "last layer, backward": seconds(4 * work.entries * k, UPDATED * work.distinct * (k + 1)),
        "hidden layers, backward": passes * seconds(4 * work.rows * hidden, 0),
        "first layer, backward": seconds(2 * work.entries * m, UPDATED * work.distinct * m),
        "optimiser": seconds(0, UPDATED * (work.refeed * work.columns * (m + k + 1) + passes * hidden)),
    }
    if work.refeed:
        by_gram = sum(GRAM_PRODUCTS.values()) * k < sum(WHOLE_PRODUCTS.values()) * work.rows
        products, height = (GRAM_PRODUCTS, k) if by_gram else (WHOLE_PRODUCTS, work.rows)
        for phase, number in products.items():
            found[phase] += seconds(2 * number * height * work.columns * k, number * work.columns * k)
    return found
