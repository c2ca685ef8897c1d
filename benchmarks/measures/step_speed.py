"""Speed of a supervised training step against the dense reference, both from the same sparse ratings."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from data.netflix_shaped import Shape, sgd
from harness.measuring import Side, in_turn
from harness.own_process import OwnProcess, Task
from harness.results import Figure, Spread
from harness.workbench import Found, Workbench
from refeed.data.store.store import open_store


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        shape: ratings and network.
        batch_size: users in a batch; default: the paper's.
        rounds: measured rounds.
        refeed_steps: our steps in a round, beside one dense step.
    """

    shape: Shape = field(default_factory=Shape)
    batch_size: int = 128
    rounds: int = 15
    refeed_steps: int = 8


WITHOUT_LOOPS = "refeed without the extra `fast`"
PAIRS = (
    ("refeed", "dense reference", True),
    ("refeed in bfloat16", "dense reference", False),
    ("refeed in bfloat16", "dense reference in bfloat16", True),
)
"""What is compared with what, and whether both compute in the same precision, so that the goal holds."""

FULL = Extent()
SMALL = Extent(Shape(users=4_096, ratings=856_000), rounds=5, refeed_steps=4)


def measure(bench: Workbench, extent: Extent) -> Found:
    """Times the dense reference, and the milliseconds of both."""
    store, network, at = extent.shape.store(bench), extent.shape.network, {"batch_size": extent.batch_size}
    few = {"steps": extent.refeed_steps, "threads": bench.threads}
    tasks = {
        "refeed": Task("refeed", store, network, sgd(**at), **few),
        WITHOUT_LOOPS: Task("refeed", store, network, sgd(**at), **few, loops="pytorch"),
        "refeed in bfloat16": Task("refeed", store, network, sgd(**at, precision="bfloat16"), **few),
        "dense reference": Task("dense", store, network, sgd(**at), steps=1, threads=bench.threads),
        "dense reference in bfloat16": Task(
            "dense", store, network, sgd(**at, precision="bfloat16"), steps=1, threads=bench.threads
        ),
    }
    with ExitStack() as stack:
        sides: dict[str, Side] = {name: stack.enter_context(OwnProcess(task)) for name, task in tasks.items()}
        seconds = in_turn(sides, rounds=extent.rounds)
    what, ratings = f"supervised step, batch {extent.batch_size:,}", open_store(store)
    faster = [
        Figure(
            f"{what}: speed of {name} against the {other}",
            "times",
            Spread.of_ratio(seconds[other], seconds[name]),
            goal=12 if is_fair else None,
            aim=20 if is_fair else None,
        )
        for name, other, is_fair in (*PAIRS[:1], (WITHOUT_LOOPS, "dense reference", False), *PAIRS[1:])
    ]
    in_ms = [Figure(f"{what}: {name}", "ms", Spread.of([1000 * value for value in values])) for name, values in seconds.items()]
    return Found(
        figures=(*faster, *in_ms),
        remarks=(
            f"n = {ratings.num_items:,}, {len(ratings) / ratings.num_users:.0f} ratings a user on average, SGD with momentum; "
            "both sides start from the same sparse rows and end with updated weights.",
        ),
    )
