"""Where the time of a training step goes: laps of a stopwatch at the borders between the layers, forward and backward."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from refeed.models.autoencoder.compiled.supervision import CompiledSupervision
from refeed.models.autoencoder.network import Network
from refeed.models.autoencoder.steppers import RowLazyStepper

Phase = Literal[
    "read the batch",
    "pick the weights",
    "first layer",
    "hidden layers",
    "last layer and loss",
    "last layer, backward",
    "hidden layers, backward",
    "first layer, backward",
    "optimiser",
]
PHASES: tuple[Phase, ...] = get_args(Phase)


class PhaseClock:
    """Seconds of each phase since the last `restart`; the supervised pass and re-feeding passes add up.

    Args:
        now: the time in seconds.
    """

    def __init__(self, *, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[Phase, float] = dict.fromkeys(PHASES, 0.0)
        self._now = now
        self._last = now()

    def restart(self) -> None:
        """Set all phases to 0; the next lap begins now."""
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._last = self._now()

    def lap(self, phase: Phase) -> None:
        """Count the time since the last lap as this phase."""
        now = self._now()
        self.seconds[phase] += now - self._last
        self._last = now


@contextmanager
def watched(
    network: Network, stepper: RowLazyStepper, clock: PhaseClock, compiled: CompiledSupervision | None = None
) -> Iterator[None]:
    """Lap the clock in every training step of this network and stepper; what they compute stays the same.

    Forward laps come from the calls of network and stepper; backward ones from the moments at which the gradient reaches
    the last hidden layer and the first layer's sums. Compiled loops have no weights to pick, do all of the last layer, its
    update too, in "last layer and loss", and update the first layer in its backward phase.
    """
    instance_calls: dict[tuple[Any, str], Callable[..., Any]] = {
        (stepper, "read"): _lapping(clock, stepper.read, before="read the batch", after="pick the weights"),
        (stepper, "step_hidden"): _lapping(clock, stepper.step_hidden, before="first layer, backward", after="optimiser"),
        (stepper, "update"): _lapping(clock, stepper.update, after="optimiser"),
        (network, "hidden_of_sums"): _watch_hidden(clock, network.hidden_of_sums),
    }
    if compiled is not None:
        instance_calls |= {
            (compiled, "begin"): _lapping(clock, compiled.begin, before="read the batch"),
            (stepper.edge, "begin_dense_step"): _lapping(
                clock, stepper.edge.begin_dense_step, before="last layer and loss", after="optimiser"
            ),
            (stepper.edge, "apply_step"): _lapping(clock, stepper.edge.apply_step, after="optimiser"),
        }
    of_torch = torch.Tensor.backward
    torch.Tensor.backward = _lapping(  # type: ignore[method-assign]
        clock, of_torch, before="last layer and loss", after="first layer, backward"
    )
    for (owner, name), call in instance_calls.items():
        owner.__dict__[name] = call
    try:
        yield
    finally:
        torch.Tensor.backward = of_torch  # type: ignore[method-assign]
        for owner, name in instance_calls:
            del owner.__dict__[name]


def _lapping(
    clock: PhaseClock, call: Callable[..., Any], *, before: Phase | None = None, after: Phase | None = None
) -> Callable[..., Any]:
    def lapping(*arguments: Any, **options: Any) -> Any:
        if before is not None:
            clock.lap(before)
        result = call(*arguments, **options)
        if after is not None:
            clock.lap(after)
        return result

    return lapping


def _watch_hidden(clock: PhaseClock, hidden_of_sums: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def watched_hidden(sums: Tensor, *arguments: Any, **options: Any) -> Tensor:
        clock.lap("first layer")
        hidden = hidden_of_sums(sums, *arguments, **options)
        clock.lap("hidden layers")
        hidden.register_hook(lambda _: clock.lap("last layer, backward"))
        sums.register_hook(lambda _: clock.lap("hidden layers, backward"))
        return hidden

    return watched_hidden
